#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/output_file.hpp"
#include "bench/bench_aggregate.hpp"
#include "cli/bench_parts.hpp"
#include "cli/terminal.hpp"
#include "cli/verb.hpp"
#include "config/sections/model.hpp"
#include "device/devices.hpp"
#include "device/numerics.hpp"

namespace afu::cli {
namespace {

struct AggregateOptions {
  ModelOptions model{"resnet18", 32, 3, 10};
  std::string device = "cpu";
  int repetitions = 20;
  std::string json;
};

int bench_aggregate(const AggregateOptions& o) {
  config::ModelSection section;
  section.name = o.model.architecture();
  const device::NumericsLease numerics({});
  const auto b = bench::bench_aggregate(section, o.model.shape(), device_name(o.device), o.repetitions);
  print("{}", bench::to_text(b));
  if (o.json.empty()) return 0;
  nlohmann::ordered_json j{
      {"bench", "aggregate"}, {"model", b.model}, {"device", b.device}, {"parameters", b.parameters}};
  for (const auto& r : b.rows)
    j["rows"].push_back({{"updates", r.updates},
                         {"seconds", r.seconds},
                         {"bytes_per_second", r.bytes_per_second},
                         {"copy_bytes_per_second", r.copy_bytes_per_second}});
  write_json(j, o.json);
  return 0;
}

}  // namespace

namespace {
std::vector<std::string> built_in_names() {
  auto names = config::names<config::Architecture>();
  names.erase(std::remove(names.begin(), names.end(), "torchscript"), names.end());
  return names;
}
}  // namespace

CLI::Validator ModelOptions::built_in() { return CLI::IsMember(built_in_names()); }

void ModelOptions::declare(CLI::App& bench) {
  bench.add_option("--model", name, fmt::format("{}", fmt::join(built_in_names(), ", ")))
      ->capture_default_str()
      ->check(built_in());
  bench.add_option("--size", size, "Image side, pixels")->capture_default_str()->check(CLI::PositiveNumber);
  bench.add_option("--channels", channels, "Channels")->capture_default_str()->check(CLI::PositiveNumber);
  bench.add_option("--classes", classes, "Classes")->capture_default_str()->check(CLI::PositiveNumber);
}

std::string device_name(const std::string& device) {
  try {
    return device::device_info(device).name;
  } catch (const std::runtime_error& e) {
    throw UsageError(e.what());
  }
}

void write_json(nlohmann::ordered_json j, const std::string& path) {
  for (const auto& [name, version] : device::library_versions()) j["versions"][name] = version;
  j["processor"] = device::device_info("cpu").description;
  if (const auto device = j.value("device", "cpu"); device != "cpu")
    j["gpu"] = device::device_info(device).description;
  base::write_whole(path, j.dump(2) + '\n');
}

std::function<int()> declare_bench(CLI::App& app) {
  app.require_subcommand(1);
  auto* train = app.add_subcommand("train", "Images a second of the lanes against a plain LibTorch loop");
  const auto run_train = declare_bench_train(*train);

  auto a = std::make_shared<AggregateOptions>();
  auto* aggregate = app.add_subcommand("aggregate", "Bytes a second of merges against a plain copy");
  a->model.declare(*aggregate);
  aggregate->add_option("--device", a->device, "cpu, cuda:0, ...")->capture_default_str();
  aggregate->add_option("--repetitions", a->repetitions, "Of which the median is shown")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  aggregate->add_option("--json", a->json, "Also write this file");

  auto* events = app.add_subcommand("events", "What an event costs, against the number of clients");
  const auto run_events = declare_bench_events(*events);
  auto* scale = app.add_subcommand("scale", "Events a second and memory of 10 to 100,000 clients");
  auto* calibrate = app.add_subcommand("calibrate", "Calibration steps a second with each invariance arm");
  auto* checkpoint = app.add_subcommand(
      "checkpoint", "What checkpoints cost a run, and how soon one that was killed goes on");
  const std::vector<std::pair<CLI::App*, std::function<int()>>> benches{
      {train, run_train},
      {aggregate, [a] { return bench_aggregate(*a); }},
      {events, run_events},
      {scale, declare_bench_scale(*scale)},
      {calibrate, declare_bench_calibrate(*calibrate)},
      {checkpoint, declare_bench_checkpoint(*checkpoint)}};
  return [benches] {
    return std::find_if(benches.begin(), benches.end(), [](const auto& b) { return b.first->parsed(); })
        ->second();
  };
}

}  // namespace afu::cli
