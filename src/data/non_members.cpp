#include "data/non_members.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "base/random.hpp"

namespace afu::data {
namespace {

/// `n` of `rows`, at random; ascending.
Indices some(Indices rows, double n, std::uint64_t seed) {
  base::Stream stream({seed, base::purpose("non-members"), 0, 0});
  base::shuffle(rows, stream);
  rows.resize(std::min(rows.size(), static_cast<std::size_t>(std::llround(n))));
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace

HeldOut held_out_kinds(const FederatedData& data, const Indices& holdout) {
  if (data.backdoor_client < 0) return {holdout, {}};
  const auto& own = *data.clients[static_cast<std::size_t>(data.backdoor_client)].holdout;
  const auto& mixed = *data.poisoned_holdout;  // both ascend
  HeldOut kinds;
  for (auto r : holdout)
    if (!std::binary_search(own.begin(), own.end(), r) || std::binary_search(mixed.begin(), mixed.end(), r))
      kinds.clean.push_back(r);
  std::set_difference(mixed.begin(), mixed.end(), own.begin(), own.end(), std::back_inserter(kinds.poisoned));
  return kinds;
}

std::int64_t count_poisoned(const FederatedData& data, const Indices& rows) {
  return std::count_if(rows.begin(), rows.end(), [&](std::int64_t r) {
    return r >= data.poisoned_begin && r < data.poisoned_begin + data.poisoned;
  });
}

IndicesPtr non_members(const FederatedData& data, const Indices& forget, const Indices& holdout,
                       std::uint64_t seed) {
  const auto p = static_cast<double>(count_poisoned(data, forget));
  if (p == 0) return std::make_shared<const Indices>(holdout);
  const auto q = static_cast<double>(forget.size()) - p;
  auto [clean, poisoned] = held_out_kinds(data, holdout);
  const auto clean_now = static_cast<double>(clean.size()),
             poisoned_now = static_cast<double>(poisoned.size());
  if (poisoned_now * q < p * clean_now)
    clean = some(std::move(clean), poisoned_now * q / p, seed);
  else if (q > 0)
    poisoned = some(std::move(poisoned), clean_now * p / q, seed);
  clean.insert(clean.end(), poisoned.begin(), poisoned.end());
  std::sort(clean.begin(), clean.end());
  return std::make_shared<const Indices>(std::move(clean));
}

}  // namespace afu::data
