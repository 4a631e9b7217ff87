#include <fmt/core.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "cli/bench_parts.hpp"
#include "cli/verb.hpp"
#include "compute/bench_aggregate.hpp"
#include "compute/bench_train.hpp"
#include "compute/devices.hpp"

namespace afu::cli {
namespace {

/// What the benches measure, and how often; each uses what it needs.
struct Options {
  std::string model = "cnn_small";
  std::int64_t batch = 32, steps = 60, size = 28, channels = 1, classes = 10;
  int lanes = 0, repetitions = 5;
  std::string json;
};

int bench_train(const Options& o) {
  config::ModelSection section;
  section.name = o.model;
  const int lanes = o.lanes > 0 ? o.lanes : static_cast<int>(std::thread::hardware_concurrency());
  const auto b = compute::bench_train(section, {o.channels, o.size, o.size, o.classes}, o.batch, o.steps,
                                      lanes, o.repetitions);
  fmt::print("{}", compute::to_text(b));
  if (o.json.empty()) return 0;
  nlohmann::ordered_json j{{"bench", "train"},
                           {"model", b.model},
                           {"parameters", b.parameters},
                           {"batch_size", b.batch_size},
                           {"steps", b.steps},
                           {"step", b.step},
                           {"flops_per_sample", b.flops_per_sample},
                           {"peak_flops_per_second", b.peak_flops_per_second}};
  for (const auto& r : b.rows)
    j["rows"].push_back({{"engine", r.engine},
                         {"lanes", r.lanes},
                         {"images_per_second", r.images_per_second},
                         {"steps_per_second", r.steps_per_second},
                         {"images_per_cpu_second", r.images_per_cpu_second},
                         {"bound_images_per_second", b.bound(r.lanes)}});
  write_json(j, o.json);
  return 0;
}

int bench_aggregate(const Options& o) {
  config::ModelSection section;
  section.name = o.model;
  const auto b = compute::bench_aggregate(section, {o.channels, o.size, o.size, o.classes}, o.repetitions);
  fmt::print("{}", compute::to_text(b));
  if (o.json.empty()) return 0;
  nlohmann::ordered_json j{{"bench", "aggregate"}, {"model", b.model}, {"parameters", b.parameters}};
  for (const auto& r : b.rows)
    j["rows"].push_back({{"updates", r.updates},
                         {"cpu_seconds", r.seconds},
                         {"bytes_per_second", r.bytes_per_second},
                         {"copy_bytes_per_second", r.copy_bytes_per_second}});
  write_json(j, o.json);
  return 0;
}

void declare_model(CLI::App& bench, Options& o) {
  bench.add_option("--model", o.model, "cnn, cnn_small, lenet, cnn_mnist, resnet18, mlp, logreg")
      ->capture_default_str();
  bench.add_option("--size", o.size, "Image side, pixels")->capture_default_str()->check(CLI::PositiveNumber);
  bench.add_option("--channels", o.channels, "Channels")->capture_default_str()->check(CLI::PositiveNumber);
  bench.add_option("--classes", o.classes, "Classes")->capture_default_str()->check(CLI::PositiveNumber);
  bench.add_option("--repetitions", o.repetitions, "Of which the median is shown")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  bench.add_option("--json", o.json, "Also write this file");
}

}  // namespace

void write_json(nlohmann::ordered_json j, const std::string& path) {
  for (const auto& [name, version] : compute::library_versions()) j["versions"][name] = version;
  j["processor"] = compute::device_info("cpu").description;
  std::ofstream out(path);
  out << j.dump(2) << '\n';
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

std::function<int()> declare_bench(CLI::App& app) {
  app.require_subcommand(1);
  auto t = std::make_shared<Options>();
  auto* train = app.add_subcommand("train", "Images a second of the lanes against a plain LibTorch loop");
  declare_model(*train, *t);
  train->add_option("--batch", t->batch, "Batch size")->capture_default_str()->check(CLI::PositiveNumber);
  train->add_option("--steps", t->steps, "Steps a repetition")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  train->add_option("--lanes", t->lanes, "Most lanes; 0: as many as cores")->capture_default_str();

  auto a = std::make_shared<Options>();
  a->model = "resnet18";
  a->size = 32;
  a->channels = 3;
  auto* aggregate = app.add_subcommand("aggregate", "Bytes a second of merges against a plain copy");
  declare_model(*aggregate, *a);

  auto* events = app.add_subcommand("events", "What an event costs, against the number of clients");
  const auto run_events = declare_bench_events(*events);
  return [=] {
    return train->parsed() ? bench_train(*t) : events->parsed() ? run_events() : bench_aggregate(*a);
  };
}

}  // namespace afu::cli
