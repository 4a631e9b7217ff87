#include "calibrate/environments.hpp"

#include <stdexcept>
#include <utility>

#include "calibrate/perturbations.hpp"

namespace afu::calibrate {

Environments gather_environments(compute::Workspace& workspace, const std::vector<data::IndicesPtr>& sets) {
  constexpr std::int64_t kRows = 512;
  Environments all;
  data::Indices rows;
  std::vector<std::int64_t> sizes;
  const auto flush = [&] {
    if (rows.empty()) return;
    const auto order = workspace.upload(rows);
    all.chunks.push_back({workspace.gather(order, 0, order.size(0)), sizes});
    rows.clear();
    sizes.clear();
  };
  for (const auto& set : sets) {
    if (!set || set->empty()) continue;
    const auto n = static_cast<std::int64_t>(set->size());
    if (static_cast<std::int64_t>(rows.size()) + n > kRows) flush();
    rows.insert(rows.end(), set->begin(), set->end());
    sizes.push_back(n);
    ++all.count;
    all.samples += n;
  }
  flush();
  if (all.count == 0) throw std::invalid_argument("there are no samples to calibrate on");
  return all;
}

void intervene(Environments& all, const sim::StreamKey& key) {
  using Intervention = torch::Tensor (*)(const torch::Tensor&, sim::Stream&);
  constexpr Intervention interventions[] = {&random_patches, &shifted_intensity, &blurred};
  const auto clean = all.chunks.size();
  std::uint64_t kind = 0;
  for (const auto apply : interventions) {
    ++kind;
    for (std::size_t i = 0; i < clean; ++i) {
      auto own = key;
      own.purpose = sim::purpose("calibrate.intervention") + (kind << 32) + i;
      sim::Stream stream(own);
      auto chunk = all.chunks[i];
      chunk.batch.images = apply(chunk.batch.images, stream);
      chunk.clean = false;
      all.count += static_cast<std::int64_t>(chunk.sizes.size());
      all.chunks.push_back(std::move(chunk));
    }
  }
}

}  // namespace afu::calibrate
