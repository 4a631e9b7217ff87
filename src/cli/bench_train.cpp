#include "bench/bench_train.hpp"

#include <memory>
#include <nlohmann/json.hpp>

#include "base/limits.hpp"
#include "cli/bench_parts.hpp"
#include "cli/terminal.hpp"
#include "cli/verb.hpp"
#include "config/scenario.hpp"
#include "device/blas.hpp"
#include "device/devices.hpp"
#include "device/numerics.hpp"

namespace afu::cli {
namespace {

struct Options {
  ModelOptions model;
  bench::TrainBenchSettings settings;
  std::string precision = "fp32";
  bool deterministic = false;
  std::string json;
};

/// Up to as many lanes as cores; on a GPU 1, 2, 4, 8, 16.
std::vector<int> default_lanes(const std::string& device) {
  if (device != "cpu") return {1, 2, 4, 8, 16};
  std::vector<int> lanes;
  const int cores = static_cast<int>(base::processors());
  for (int n = 1; n <= cores; ++n) lanes.push_back(n);
  return lanes;
}

int bench_train(const Options& o) {
  config::ModelSection section;
  section.name = o.model.architecture();
  auto settings = o.settings;
  settings.device = device_name(settings.device);
  if (settings.lanes.empty()) settings.lanes = default_lanes(settings.device);
  if (settings.device == "cpu" && o.precision == "tf32") throw UsageError("--precision tf32 needs a GPU");
  config::ComputeSection compute;
  compute.precision = config::named<config::Precision>(o.precision, "--precision");
  compute.deterministic = o.deterministic;
  const device::NumericsLease numerics(device::switches_of(compute, {settings.device}));
  const auto b = bench::bench_train(section, o.model.shape(), settings);
  print("{}", bench::to_text(b));
  if (const auto advice = device::blas_advice(); b.device == "cpu" && !advice.empty())
    print("note: {}\n", advice);
  if (o.json.empty()) return 0;
  nlohmann::ordered_json j{{"bench", "train"},
                           {"model", b.model},
                           {"device", b.device},
                           {"precision", o.precision},
                           {"deterministic", o.deterministic},
                           {"parameters", b.parameters},
                           {"batch_size", b.batch_size},
                           {"steps", b.steps},
                           {"step", b.step},
                           {"engine", b.engine},
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

}  // namespace

std::function<int()> declare_bench_train(CLI::App& bench) {
  auto o = std::make_shared<Options>();
  o->model.declare(bench);
  auto& s = o->settings;
  bench.add_option("--device", s.device, "cpu, cuda:0, ...")->capture_default_str();
  bench.add_option("--batch", s.batch_size, "Batch size")->capture_default_str()->check(CLI::PositiveNumber);
  bench.add_option("--steps", s.steps, "Steps a repetition")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  s.lanes.clear();
  bench
      .add_option("--lanes", s.lanes,
                  "Numbers of lanes, as in 1,2,4; not given: up to as many as cores, on a GPU 1,2,4,8,16")
      ->delimiter(',')
      ->check(CLI::Range(1, 4096));
  bench
      .add_option(
          "--clients", s.clients,
          "Also so many clients' steps as one, with grouped convolutions and batched products, as in 2,4,8")
      ->delimiter(',')
      ->check(CLI::Range(1, 4096));
  bench
      .add_option("--engines", s.engines,
                  "Of fused, graph, kernels, autograd, serial; not given: all that the device has; plain is "
                  "always there")
      ->delimiter(',')
      ->check(CLI::IsMember({"fused", "graph", "kernels", "autograd", "serial"}));
  bench.add_option("--repetitions", s.repetitions, "Of which the median is shown")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  bench.add_option("--precision", o->precision, "Of a GPU's products: fp32, tf32")
      ->capture_default_str()
      ->check(CLI::IsMember({"fp32", "tf32"}));
  bench.add_flag("--deterministic", o->deterministic,
                 "On a GPU: only algorithms that give the same bits every time");
  bench.add_option("--json", o->json, "Also write this file");
  return [o] { return bench_train(*o); };
}

}  // namespace afu::cli
