#include "calibrate/environments.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "calibrate/perturbations.hpp"
#include "data/calibration_set.hpp"
#include "data/units.hpp"

namespace afu::calibrate {

Environments gather_environments(engine::Workspace& workspace, const std::vector<data::IndicesPtr>& sets) {
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

namespace {

using Intervention = torch::Tensor (*)(const torch::Tensor&, base::Stream&);

/// The clean chunk `index` with its images changed, by draws that `kind` and `index` name.
Chunk changed(const Chunk& clean, Intervention apply, std::uint64_t kind, std::uint64_t index,
              base::StreamKey key) {
  key.purpose = base::purpose("calibrate.intervention") + (kind << 32) + index;
  base::Stream stream(key);
  auto chunk = clean;
  chunk.batch.images = apply(chunk.batch.images, stream);
  chunk.clean = false;
  return chunk;
}

}  // namespace

void intervene(Environments& all, const base::StreamKey& key) {
  constexpr Intervention interventions[] = {&random_patches, &shifted_intensity, &blurred};
  const auto clean = all.chunks.size();
  std::uint64_t kind = 0;
  for (const auto apply : interventions) {
    ++kind;
    for (std::size_t i = 0; i < clean; ++i) {
      all.chunks.push_back(changed(all.chunks[i], apply, kind, i, key));
      all.count += static_cast<std::int64_t>(all.chunks[i].sizes.size());
    }
  }
}

Environments augmented(const Environments& all, const base::StreamKey& key) {
  Environments other;
  other.samples = all.samples;
  std::uint64_t kind = 16;  // other draws than those of `intervene`
  for (const Intervention apply : {&shifted_intensity, &blurred}) {
    ++kind;
    for (std::size_t i = 0; i < all.clean(); ++i) {
      other.chunks.push_back(changed(all.chunks[i], apply, kind, i, key));
      other.count += static_cast<std::int64_t>(all.chunks[i].sizes.size());
    }
  }
  return other;
}

std::size_t Environments::clean() const {
  return static_cast<std::size_t>(
      std::count_if(chunks.begin(), chunks.end(), [](const Chunk& c) { return c.clean; }));
}

Batches::Batches(const Environments& all, std::int64_t size, std::int64_t least, const base::StreamKey& key)
    : all_(all) {
  std::vector<std::int64_t> sizes;
  for (std::size_t i = 0; i < all.clean(); ++i)
    sizes.insert(sizes.end(), all.chunks[i].sizes.begin(), all.chunks[i].sizes.end());
  const auto shares = data::environment_shares(sizes, size, least);
  for (std::size_t i = 0; i < all.clean(); ++i) {
    std::int64_t begin = 0;
    for (auto n : all.chunks[i].sizes) {
      auto own = key;
      own.purpose = base::purpose("calibrate.batches") + decks_.size();
      decks_.push_back({i, begin, n, shares[decks_.size()], {}, 0, base::Stream(own)});
      begin += n;
    }
  }
}

Environments Batches::next() {
  const auto clean = all_.clean();
  std::vector<std::vector<std::int64_t>> rows(clean), sizes(clean);
  Environments batch;
  batch.count = all_.count;
  for (auto& d : decks_) {
    for (std::int64_t k = 0; k < d.share; ++k) {
      if (d.at == d.order.size()) {
        d.order = data::all_rows(d.size);
        base::shuffle(d.order, d.stream);
        d.at = 0;
      }
      rows[d.chunk].push_back(d.begin + d.order[d.at++]);
    }
    sizes[d.chunk].push_back(d.share);
    batch.samples += d.share;
  }
  for (std::size_t i = 0; i < all_.chunks.size(); ++i) {
    auto chunk = all_.chunks[i];
    const auto& own = rows[i % clean];  // an intervention's chunks stand in the order of the clean ones
    const auto index = torch::tensor(own, torch::kInt64).to(chunk.batch.labels.device());
    for (auto* t : {&chunk.batch.images, &chunk.batch.labels, &chunk.before, &chunk.erased, &chunk.triggered,
                    &chunk.mixed, &chunk.anchored})
      if (t->defined()) *t = t->index_select(0, index);
    chunk.sizes = sizes[i % clean];
    batch.chunks.push_back(std::move(chunk));
  }
  return batch;
}

}  // namespace afu::calibrate
