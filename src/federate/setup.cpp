#include "federate/setup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "config/scenario.hpp"
#include "data/requests.hpp"
#include "data/shards.hpp"

namespace afu::federate {

base::StreamKey training_key(const config::Scenario& scenario, std::uint32_t client, std::uint64_t job) {
  return {scenario.scenario.seed, base::purpose("train"), client, job};
}

namespace {

/// What those erasures cover.
std::vector<data::IndicesPtr> honoured(const Setup& setup, std::uint64_t honours) {
  std::vector<data::IndicesPtr> forgotten;
  for (std::size_t i = 0; honours != 0; ++i, honours >>= 1)
    if (honours & 1) forgotten.push_back(setup.forget.at(i));
  return forgotten;
}

}  // namespace

data::IndicesPtr training_rows(const Setup& setup, std::uint32_t client, std::uint64_t honours) {
  if (!setup.data) return nullptr;
  const auto& rows = setup.data->clients[client].train;
  if (honours == 0) return rows;
  return data::rows_without(rows, honoured(setup, honours));
}

std::vector<data::IndicesPtr> training_shards(const Setup& setup, std::uint32_t client,
                                              std::uint64_t honours) {
  if (setup.shards.empty()) return {};
  auto shards = setup.shards.at(client);
  if (honours == 0) return shards;
  const auto forgotten = honoured(setup, honours);
  for (auto& shard : shards) shard = data::rows_without(shard, forgotten);
  return shards;
}

std::int64_t training_samples(const Setup& setup, std::uint32_t client, std::uint64_t honours) {
  if (const auto rows = training_rows(setup, client, honours)) return static_cast<std::int64_t>(rows->size());
  const std::int64_t all = setup.samples[client];
  double left = static_cast<double>(all);
  for (std::size_t i = 0; honours != 0; ++i, honours >>= 1) {
    if (!(honours & 1)) continue;
    const auto& e = setup.scenario->erasures[i];
    if (config::is_part(e.scope)) {
      if (e.client == static_cast<std::int64_t>(client))
        left -= static_cast<double>(data::samples_asked(e.fraction, all));
    } else {
      left -= static_cast<double>(all) / static_cast<double>(setup.scenario->data.classes);
    }
  }
  return std::max<std::int64_t>(1, std::llround(left));
}

std::vector<std::uint32_t> owners_of(const Setup& setup, std::size_t erasure) {
  const auto& e = setup.scenario->erasures.at(erasure);
  if (e.client >= 0) return {static_cast<std::uint32_t>(e.client)};
  const auto* forget = erasure < setup.forget.size() ? setup.forget[erasure].get() : nullptr;
  std::vector<std::uint32_t> owners;
  for (std::uint32_t c = 0; c < setup.samples.size(); ++c) {
    const auto has_some = [&] {
      const auto& rows = *setup.data->clients[c].train;
      return std::any_of(rows.begin(), rows.end(),
                         [&](auto r) { return std::binary_search(forget->begin(), forget->end(), r); });
    };
    if (!setup.data || !forget || has_some()) owners.push_back(c);
  }
  return owners;
}

std::vector<std::size_t> shards_asked(const Setup& setup, std::uint32_t client, std::size_t shards,
                                      const data::IndicesPtr& forget, bool part) {
  if (part && forget && !setup.shards.empty()) return data::shards_with(setup.shards.at(client), *forget);
  std::vector<std::size_t> all(shards);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

void divide_into_shards(Setup& setup, std::size_t shards) {
  const auto& s = *setup.scenario;
  const auto count = static_cast<std::size_t>(s.training.shards);
  if (count == 1) return;
  if (setup.data)
    for (std::size_t c = 0; c < setup.data->clients.size(); ++c)
      setup.shards.push_back(data::shards_of(*setup.data, c, count, s.scenario.seed));
  setup.vectors_sent = shards;
  if (shards == 1) return;
  setup.tracked.assign(setup.samples.size(), false);
  for (std::size_t i = 0; i < s.erasures.size(); ++i)
    for (auto c : owners_of(setup, i)) setup.tracked[c] = true;
}

std::vector<std::string> shard_notes(const Setup& setup) {
  std::string who;
  std::size_t more = 0;
  for (std::size_t c = 0; c < setup.shards.size(); ++c) {
    const auto& shards = setup.shards[c];
    const auto empty =
        std::count_if(shards.begin(), shards.end(), [](const auto& rows) { return rows->empty(); });
    if (empty == 0) continue;
    if (!who.empty())
      ++more;
    else
      who = fmt::format("client {} has rows in {} of {} shards", c,
                        shards.size() - static_cast<std::size_t>(empty), shards.size());
  }
  std::vector<std::string> notes;
  if (more > 0) who += fmt::format(", and {} other client{} not in all", more, more == 1 ? "" : "s");
  if (!who.empty())
    notes.push_back(fmt::format("training.shards: {}: there are fewer {} than shards", who,
                                setup.data->pool->subjects.empty() ? "samples" : "subjects"));
  if (setup.vectors_sent == 1 || setup.shards.empty()) return notes;  // no ledger by shard, or no data
  const auto& erasures = setup.scenario->erasures;
  for (std::size_t i = 0; i < erasures.size(); ++i)
    if (setup.forget.at(i) && erasures[i].scope != config::Scope::client)
      for (auto c : owners_of(setup, i)) {
        const auto hit = data::shards_with(setup.shards.at(c), *setup.forget[i]).size();
        const auto filled = std::count_if(setup.shards[c].begin(), setup.shards[c].end(),
                                          [](const auto& rows) { return !rows->empty(); });
        if (static_cast<std::ptrdiff_t>(hit) == filled)
          notes.push_back(fmt::format(
              "erasure[{}] is of samples in every shard of client/{}: all that the client has contributed is taken out",
              i, c));
      }
  return notes;
}

}  // namespace afu::federate
