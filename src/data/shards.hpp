#pragma once
/// A client's training samples in shards, so that what it learned of some of them can be told apart.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/dataset.hpp"

namespace afu::data {

/// Training rows of a client in `count` shards, which hold every row once: whole subjects where the pool knows any, else
/// single rows. They are shuffled by the stream (seed, "shards", client, 0), and then, the largest first, each goes to the
/// shard that is smallest so far; so no two shards differ by more rows than the largest subject has. Rows of a shard
/// stand in the client's order. Where there are fewer subjects than shards some are empty.
std::vector<IndicesPtr> shards_of(const FederatedData& data, std::size_t client, std::size_t count,
                                  std::uint64_t seed);

/// Which of `shards` hold any of `rows`; ascending.
std::vector<std::size_t> shards_with(const std::vector<IndicesPtr>& shards, const Indices& rows);

}  // namespace afu::data
