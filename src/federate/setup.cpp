#include "federate/setup.hpp"

#include <algorithm>
#include <cmath>

#include "config/scenario.hpp"
#include "data/requests.hpp"

namespace afu::federate {

base::StreamKey training_key(const config::Scenario& scenario, std::uint32_t client, std::uint64_t job) {
  return {scenario.scenario.seed, base::purpose("train"), client, job};
}

data::IndicesPtr training_rows(const Setup& setup, std::uint32_t client, std::uint64_t honours) {
  if (!setup.data) return nullptr;
  const auto& rows = setup.data->clients[client].train;
  if (honours == 0) return rows;
  std::vector<data::IndicesPtr> forgotten;
  for (std::size_t i = 0; honours != 0; ++i, honours >>= 1)
    if (honours & 1) forgotten.push_back(setup.forget.at(i));
  return data::rows_without(rows, forgotten);
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

}  // namespace afu::federate
