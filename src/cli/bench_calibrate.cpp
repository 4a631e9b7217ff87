/// afu bench calibrate: calibration steps a second with each invariance arm, against the floor of operations
/// and bytes.
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/bench_calibrate.hpp"
#include "cli/bench_parts.hpp"
#include "cli/terminal.hpp"
#include "config/sections/model.hpp"
#include "device/numerics.hpp"

namespace afu::cli {
namespace {

struct Options {
  ModelOptions model;
  std::int64_t environments = 8, images = 20, steps = 40;
  std::string device = "cpu";
  int repetitions = 5;
  std::string json;
};

int bench_calibrate(const Options& o) {
  config::ModelSection section;
  section.name = o.model.architecture();
  const device::NumericsLease numerics({});
  const auto b = bench::bench_calibrate(section, o.model.shape(), o.environments, o.images, o.steps,
                                        device_name(o.device), o.repetitions);
  print("{}", bench::to_text(b));
  if (o.json.empty()) return 0;
  nlohmann::ordered_json j{{"bench", "calibrate"},
                           {"model", b.model},
                           {"device", b.device},
                           {"parameters", b.parameters},
                           {"images", b.images},
                           {"environments", b.environments},
                           {"steps", b.steps},
                           {"flops_per_sample", b.flops_per_sample},
                           {"peak_flops_per_second", b.peak_flops_per_second},
                           {"copy_bytes_per_second", b.copy_bytes_per_second}};
  for (const auto& r : b.rows)
    j["rows"].push_back({{"arm", r.arm},
                         {"steps_per_second", r.steps_per_second},
                         {"passes", r.passes},
                         {"floor_seconds", r.floor_seconds},
                         {"floor_share", r.floor_share()}});
  write_json(j, o.json);
  return 0;
}

}  // namespace

std::function<int()> declare_bench_calibrate(CLI::App& bench) {
  auto o = std::make_shared<Options>();
  o->model.declare(bench);
  bench.add_option("--device", o->device, "cpu, cuda:0, ...")->capture_default_str();
  bench.add_option("--environments", o->environments, "Environments (retained clients)")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  bench.add_option("--images", o->images, "Images of an environment")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  bench.add_option("--steps", o->steps, "Steps a repetition")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  bench.add_option("--repetitions", o->repetitions, "Of which the median is shown")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  bench.add_option("--json", o->json, "Also write this file");
  return [o] { return bench_calibrate(*o); };
}

}  // namespace afu::cli
