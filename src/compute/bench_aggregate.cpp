#include "compute/bench_aggregate.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "compute/bench_timing.hpp"
#include "compute/kernels.hpp"
#include "compute/workspace.hpp"

namespace afu::compute {
namespace {

double merge_seconds(Workspace& workspace, const CombineJob& job) {
  JobResult result;
  const auto took = timed([&] { result = execute(workspace, job); });
  if (!result.error.empty()) throw std::runtime_error(result.error);
  return took.cpu;
}

}  // namespace

AggregateBench bench_aggregate(const config::ModelSection& section, const model::InputShape& shape,
                               int repetitions) {
  if (repetitions < 1)
    throw std::invalid_argument(fmt::format("bench: {} repetitions, must be 1 or more", repetitions));
  const auto pool = make_resident(random_images(shape.channels, shape.height, shape.classes, 1), torch::kCPU);
  Workspace workspace(model::make_model(section, shape), pool, torch::kCPU);
  AggregateBench bench;
  bench.model = section.name;
  bench.parameters = workspace.layout()->parameter_count;
  const auto vector = [&](float value) {
    return workspace.wrap(torch::full({bench.parameters}, value), torch::zeros_like(workspace.buffers()));
  };
  const auto start = vector(1);
  auto copy = torch::empty_like(start->values);
  std::vector<model::ParametersPtr> updates;
  for (int count : {1, 2, 5, 10, 20}) {
    while (static_cast<int>(updates.size()) < count) updates.push_back(vector(1e-3f));
    Combination c;
    c.start = start;
    for (const auto& u : updates) c.terms.push_back({1.0 / count, u, nullptr});
    const CombineJob job{{c}};
    merge_seconds(workspace, job);  // takes the memory
    copy.copy_(start->values);
    std::vector<double> merges, copies;
    for (int r = 0; r < repetitions; ++r) {
      merges.push_back(merge_seconds(workspace, job));
      copies.push_back(timed([&] { copy.copy_(start->values); }).cpu);
    }
    const double vector_bytes = 4.0 * static_cast<double>(bench.parameters);
    const double seconds = median(merges);
    bench.rows.push_back(
        {count, seconds, (count + 2) * vector_bytes / seconds, 2 * vector_bytes / median(copies)});
  }
  return bench;
}

std::string to_text(const AggregateBench& bench) {
  auto text = fmt::format("{}: {} parameters\n{:>8} {:>10} {:>10} {:>12} {:>8}\n", bench.model,
                          bench.parameters, "updates", "ms", "GB/s", "copy GB/s", "to copy");
  for (const auto& r : bench.rows)
    text += fmt::format("{:>8} {:>10.3f} {:>10.2f} {:>12.2f} {:>8.2f}\n", r.updates, r.seconds * 1e3,
                        r.bytes_per_second * 1e-9, r.copy_bytes_per_second * 1e-9, r.ratio());
  return text;
}

}  // namespace afu::compute
