#include "bench/bench_aggregate.hpp"

#include <fmt/format.h>

#include <functional>
#include <stdexcept>

#include "bench/bench_timing.hpp"
#include "config/sections/model.hpp"
#include "device/devices.hpp"
#include "device/stream.hpp"
#include "engine/combine.hpp"
#include "engine/combine_job.hpp"
#include "engine/execute.hpp"
#include "engine/workspace.hpp"

namespace afu::bench {
namespace {

/// Of a piece of work, seconds: CPU time here, the device's own time on a GPU, where many pieces are queued
/// one behind the other so that the host's part is hidden.
class Timer {
 public:
  explicit Timer(const std::string& device) : gpu_(device != "cpu"), stream_(device), current_(stream_) {}

  double operator()(const std::function<void()>& work) {
    if (!gpu_) return timed(work).cpu;
    constexpr int kQueued = 20;
    stream_.begin();
    for (int i = 0; i < kQueued; ++i) work();
    stream_.end();
    return stream_.seconds() / kQueued;
  }

 private:
  bool gpu_;
  device::LaneStream stream_;
  device::LaneStream::Current current_;
};

void merge(engine::Workspace& workspace, const engine::CombineJob& job) {
  if (!workspace.device().is_cpu()) {
    engine::run(workspace, job);  // execute() would wait for each
    return;
  }
  const auto result = engine::execute(workspace, job);
  if (!result.error.empty()) throw std::runtime_error(result.error);
}

}  // namespace

AggregateBench bench_aggregate(const config::ModelSection& section, const model::InputShape& shape,
                               const std::string& device_name, int repetitions) {
  if (repetitions < 1)
    throw std::invalid_argument(fmt::format("bench: {} repetitions, must be 1 or more", repetitions));
  AggregateBench bench;
  bench.model = config::name_of(section.name);
  bench.device = device::device_info(device_name).name;
  const torch::Device device(bench.device);
  Timer seconds_of(bench.device);
  const auto pool = engine::make_resident(
      random_images(shape.channels, shape.height, shape.classes, 1, shape.depth), device);
  engine::Workspace workspace(model::make_model(section, shape), pool, device);
  bench.parameters = workspace.layout()->parameter_count;
  const auto vector = [&](float value) {
    return workspace.wrap(torch::full({bench.parameters}, value, workspace.parameters().options()),
                          torch::zeros_like(workspace.buffers()));
  };
  const auto start = vector(1);
  auto copy = torch::empty_like(start->values);
  std::vector<model::ParametersPtr> updates;
  for (int count : {1, 2, 5, 10, 20}) {
    while (static_cast<int>(updates.size()) < count) updates.push_back(vector(1e-3f));
    engine::Combination c;
    c.start = start;
    for (const auto& u : updates) c.terms.push_back({1.0 / count, u, nullptr});
    const engine::CombineJob job{{c}};
    merge(workspace, job);  // takes the memory
    copy.copy_(start->values);
    std::vector<double> merges, copies;
    for (int r = 0; r < repetitions; ++r) {
      merges.push_back(seconds_of([&] { merge(workspace, job); }));
      copies.push_back(seconds_of([&] { copy.copy_(start->values); }));
    }
    const double vector_bytes = 4.0 * static_cast<double>(bench.parameters);
    const double seconds = median(merges);
    bench.rows.push_back(
        {count, seconds, (count + 2) * vector_bytes / seconds, 2 * vector_bytes / median(copies)});
  }
  return bench;
}

std::string to_text(const AggregateBench& bench) {
  auto text = fmt::format("{}: {} parameters, on {}\n{:>8} {:>10} {:>10} {:>12} {:>8}\n", bench.model,
                          bench.parameters, bench.device, "updates", "ms", "GB/s", "copy GB/s", "to copy");
  for (const auto& r : bench.rows)
    text += fmt::format("{:>8} {:>10.3f} {:>10.2f} {:>12.2f} {:>8.2f}\n", r.updates, r.seconds * 1e3,
                        r.bytes_per_second * 1e-9, r.copy_bytes_per_second * 1e-9, r.ratio());
  return text;
}

}  // namespace afu::bench
