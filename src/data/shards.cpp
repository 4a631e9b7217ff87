#include "data/shards.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/random.hpp"
#include "data/units.hpp"

namespace afu::data {

std::vector<IndicesPtr> shards_of(const FederatedData& data, std::size_t client, std::size_t count,
                                  std::uint64_t seed) {
  const auto& rows = *data.clients.at(client).train;
  auto groups = group_rows(rows, data.pool->subjects);
  base::Stream stream({seed, base::purpose("shards"), client, 0});
  base::shuffle(groups, stream);
  std::stable_sort(groups.begin(), groups.end(),
                   [](const Indices& a, const Indices& b) { return a.size() > b.size(); });
  std::vector<std::size_t> sizes(count, 0);
  std::unordered_map<std::int64_t, std::size_t> shard_of;
  for (const auto& group : groups) {
    const auto smallest = std::min_element(sizes.begin(), sizes.end());
    *smallest += group.size();
    for (auto row : group) shard_of[row] = static_cast<std::size_t>(smallest - sizes.begin());
  }
  std::vector<Indices> shards(count);
  for (auto row : rows) shards[shard_of.at(row)].push_back(row);
  std::vector<IndicesPtr> shared;
  shared.reserve(count);
  for (auto& shard : shards) shared.push_back(std::make_shared<const Indices>(std::move(shard)));
  return shared;
}

std::vector<std::size_t> shards_with(const std::vector<IndicesPtr>& shards, const Indices& rows) {
  const std::unordered_set<std::int64_t> wanted(rows.begin(), rows.end());
  std::vector<std::size_t> found;
  for (std::size_t s = 0; s < shards.size(); ++s)
    if (std::any_of(shards[s]->begin(), shards[s]->end(), [&](auto r) { return wanted.count(r) > 0; }))
      found.push_back(s);
  return found;
}

}  // namespace afu::data
