#include "federate/guards.hpp"
#include "engine/combine_job.hpp"

#include <string>
#include <utility>

namespace afu::federate {

void Guards::raise(std::uint32_t request, methods::GuardErasure guard, const Progress& at) {
  auto model = guard.restore > 0 ? at.model : nullptr;
  standing_[request] = {std::move(guard), std::move(model), at.updates};
  figures_.try_emplace(request);
}

std::vector<engine::GuardPtr> Guards::all() const {
  std::vector<engine::GuardPtr> all;
  for (const auto& [request, s] : standing_) all.push_back(s.erasure.guard);
  return all;
}

std::vector<engine::Pull> Guards::pulls(std::uint64_t updates) {
  std::vector<engine::Pull> due;
  for (auto& [request, s] : standing_) {
    if (!s.model || updates - s.restored < s.erasure.restore_every) continue;
    due.push_back({s.erasure.guard, s.model, s.erasure.restore});
    s.restored = updates;
  }
  return due;
}

void Guards::note(const job::JobResult& merge) {
  std::size_t i = 0;
  for (const auto& [request, s] : standing_) {
    const auto figure = [&](const char* name) {
      const auto found = merge.figures.find(name + ("." + std::to_string(i)));
      return found == merge.figures.end() ? 0.0 : found->second;
    };
    auto& g = figures_.at(request);
    g.updates += static_cast<std::uint64_t>(figure("guarded"));
    g.cosine_sum += figure("cosine");
    g.cosine_square_sum += figure("cosine_square");
    g.removed_sum += figure("removed");
    g.projected += static_cast<std::uint64_t>(figure("projected"));
    ++i;
  }
}

std::optional<record::GuardFigures> Guards::figures(std::uint32_t request) const {
  const auto i = figures_.find(request);
  return i == figures_.end() ? std::nullopt : std::optional{i->second};
}

std::int64_t Guards::bytes() const {
  std::int64_t bytes = 0;
  for (const auto& guard : all()) {
    bytes += model::byte_size(guard->erasure);
    for (const auto& u : guard->basis) bytes += model::byte_size(u);
  }
  return bytes;
}

}  // namespace afu::federate
