#include "bench/bench_calibrate.hpp"

#include <fmt/format.h>

#include <numeric>
#include <stdexcept>
#include <utility>

#include "bench/bench_timing.hpp"
#include "bench/probe.hpp"
#include "calibrate/jobs.hpp"
#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"
#include "device/devices.hpp"
#include "device/stream.hpp"
#include "engine/execute.hpp"
#include "engine/workspace.hpp"
#include "model/footprint.hpp"

namespace afu::bench {
namespace {

using config::EnvironmentKind;
using config::Invariance;
using config::IrmEstimator;
using config::Perturbation;

struct Arm {
  const char* name;
  Invariance invariance = Invariance::none;
  Perturbation perturbation = Perturbation::default_;
  IrmEstimator estimator = IrmEstimator::square;
  EnvironmentKind environments = EnvironmentKind::client;
};
constexpr Arm kArms[] = {{"none"},
                         {"perturbation, blind", Invariance::perturbation, Perturbation::blind},
                         {"perturbation, oracle", Invariance::perturbation, Perturbation::oracle},
                         {"perturbation, adversarial", Invariance::perturbation, Perturbation::adversarial},
                         {"irm", Invariance::irm},
                         {"irm, halves", Invariance::irm, Perturbation::default_, IrmEstimator::halves},
                         {"irm, interventional", Invariance::irm, Perturbation::default_,
                          IrmEstimator::square, EnvironmentKind::interventional},
                         {"vrex", Invariance::vrex}};

config::Scenario scenario_of(const Arm& arm) {
  config::Scenario s;
  s.calibration.invariance = arm.invariance;
  s.calibration.perturbation = arm.perturbation;
  s.calibration.research->irm_estimator = arm.estimator;
  s.calibration.environments = arm.environments;
  s.data.backdoor.trigger = config::Trigger::patch;
  return s;
}

calibrate::CalibrateJob job_of(const config::Scenario& s, const model::ParametersPtr& base,
                               const std::vector<data::IndicesPtr>& sets, const model::InputShape& shape) {
  auto job = calibrate::calibrate_job(s, 0);
  job.descent.sgd.lr = 1e-3;  // labels are noise: a small step keeps every number tame
  job.base = job.before = base;
  job.environments = sets;
  job.key = {1, base::purpose("bench.calibrate"), 0, 0};
  if (s.calibration.perturbation == Perturbation::adversarial)
    job.trigger.assign(static_cast<std::size_t>((1 + shape.channels) * shape.height * shape.width), 0.1);
  return job;
}

struct Took {
  double seconds;
  double passes;
};

Took run(engine::Workspace& workspace, calibrate::CalibrateJob& job, std::int64_t steps) {
  job.descent.steps = steps;
  job::JobResult result;
  const auto took = timed([&] { result = engine::execute(workspace, job); });
  if (!result.error.empty()) throw std::runtime_error(result.error);
  return {workspace.device().is_cpu() ? took.cpu : took.wall, static_cast<double>(result.samples)};
}

double copy_rate(const torch::Tensor& values, int repetitions) {
  auto copy = torch::empty_like(values);
  copy.copy_(values);
  std::vector<double> seconds;
  for (int r = 0; r < repetitions; ++r)
    seconds.push_back(timed([&] {
                        for (int i = 0; i < 10; ++i) copy.copy_(values);
                      }).cpu);
  return 10 * 2 * 4.0 * static_cast<double>(values.numel()) / median(seconds);
}

}  // namespace

CalibrateBench bench_calibrate(const config::ModelSection& section, const model::InputShape& shape,
                               std::int64_t environments, std::int64_t images_each, std::int64_t steps,
                               const std::string& device_name, int repetitions) {
  if (environments < 1 || images_each < 1 || steps < 1 || repetitions < 1)
    throw std::invalid_argument(
        fmt::format("bench: environments {}, images {}, steps {} and repetitions {} must be 1 or more",
                    environments, images_each, steps, repetitions));
  CalibrateBench bench;
  bench.images = environments * images_each;
  bench.device = device::device_info(device_name).name;
  const torch::Device device(bench.device);
  if (!device.is_cpu()) {
    const auto ceilings = probe(bench.device);
    bench.peak_flops_per_second = ceilings.matmul_flops_per_second;
    bench.copy_bytes_per_second = ceilings.copy_bytes_per_second;
  }
  device::LaneStream stream(bench.device);
  const device::LaneStream::Current current(stream);
  const auto pool = engine::make_resident(
      random_images(shape.channels, shape.height, shape.classes, bench.images, shape.depth), device);
  engine::Workspace workspace(model::make_model(section, shape), pool, device);
  const auto base =
      model::initial_parameters(workspace.net(), workspace.layout(), {1, base::purpose("bench.model"), 0, 0});
  std::vector<data::IndicesPtr> sets;
  for (std::int64_t e = 0; e < environments; ++e) {
    data::Indices rows(static_cast<std::size_t>(images_each));
    std::iota(rows.begin(), rows.end(), e * images_each);
    sets.push_back(std::make_shared<const data::Indices>(std::move(rows)));
  }
  bench.model = config::name_of(section.name);
  bench.parameters = workspace.layout()->parameter_count;
  bench.environments = environments;
  bench.steps = steps;
  bench.flops_per_sample = model::flops_per_sample(section, shape);
  if (device.is_cpu()) {
    bench.peak_flops_per_second = peak_flops_per_second();
    bench.copy_bytes_per_second = copy_rate(base->values, repetitions);
  }
  const double optimiser = 5 * 4.0 * static_cast<double>(bench.parameters) / bench.copy_bytes_per_second;

  double images_a_step = 0;  // of the first arm, which looks at each image once
  for (const auto& arm : kArms) {
    const auto s = scenario_of(arm);
    auto job = job_of(s, base, sets, shape);
    run(workspace, job, 2);  // takes the memory
    std::vector<double> seconds;
    double passes = 0;
    for (int r = 0; r < repetitions; ++r) {
      const auto one = run(workspace, job, 1), all = run(workspace, job, 1 + steps);
      seconds.push_back(all.seconds / static_cast<double>(1 + steps));
      passes = (all.passes - one.passes) / static_cast<double>(steps);
    }
    if (images_a_step == 0) images_a_step = passes;
    const double work = calibrate::passes_per_sample(s.calibration) * images_a_step * bench.flops_per_sample;
    bench.rows.push_back({arm.name, 1 / median(seconds), passes / images_a_step,
                          work / bench.peak_flops_per_second + optimiser});
  }
  return bench;
}

std::string to_text(const CalibrateBench& bench) {
  auto text = fmt::format(
      "{}: {} parameters, {} images in {} environments, {:.1f} MFLOP an image; {} {:.1f} GFLOP/s, copies "
      "{:.1f} GB/s\n{:<26} {:>12} {:>9} {:>8} {:>10} {:>12}\n",
      bench.model, bench.parameters, bench.images, bench.environments, bench.flops_per_sample * 1e-6,
      bench.device == "cpu" ? "one core: multiply-adds" : "the GPU: fp32 products",
      bench.peak_flops_per_second * 1e-9, bench.copy_bytes_per_second * 1e-9, "arm",
      bench.device == "cpu" ? "steps/CPU s" : "steps/s", "ms", "passes", "floor ms", "floor share");
  for (const auto& r : bench.rows)
    text += fmt::format("{:<26} {:>12.1f} {:>9.3f} {:>8.2f} {:>10.3f} {:>12.2f}\n", r.arm, r.steps_per_second,
                        1e3 / r.steps_per_second, r.passes, r.floor_seconds * 1e3, r.floor_share());
  return text;
}

}  // namespace afu::bench
