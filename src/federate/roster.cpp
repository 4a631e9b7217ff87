#include "federate/roster.hpp"

#include <algorithm>
#include <memory>
#include <set>

#include "config/scenario.hpp"
#include "data/calibration_set.hpp"

namespace afu::federate {
namespace {

std::uint64_t bit(std::uint32_t request) { return std::uint64_t{1} << request; }

/// `rows` without those of classes that an erasure names; `rows` itself where none does.
data::IndicesPtr of_kept_classes(const Setup& setup, const data::IndicesPtr& rows) {
  std::set<std::int64_t> forgotten;
  for (const auto& e : setup.scenario->erasures)
    if (e.label >= 0) forgotten.insert(e.label);
  if (forgotten.empty()) return rows;
  data::Indices kept;
  for (auto r : *rows)
    if (!forgotten.count(setup.data->pool->labels[static_cast<std::size_t>(r)])) kept.push_back(r);
  return std::make_shared<const data::Indices>(std::move(kept));
}

}  // namespace

Roster::Roster(const Setup& setup) : setup_(setup), clients_(setup.samples.size()) {
  for (const auto& e : setup.scenario->erasures)
    if (e.client >= 0) clients_[static_cast<std::size_t>(e.client)].asks = true;
  if (!setup.data) return;
  for (std::size_t i = 0; i < setup.data->calibration.size() && i < clients_.size(); ++i) {
    auto rows = of_kept_classes(setup, setup.data->calibration[i]);
    if (!clients_[i].asks && !rows->empty()) environments_.push_back(std::move(rows));
  }
}

void Roster::exclude(std::uint32_t client, methods::Scope scope) {
  auto& c = clients_[client];
  if (scope == methods::Scope::samples)
    ++c.held;
  else
    c.leaving = true;
}

bool Roster::readmit(std::uint32_t client, std::uint32_t request) {
  auto& c = clients_[client];
  if (c.honours & bit(request)) return false;
  c.honours |= bit(request);
  --c.held;
  return !c.excluded();
}

void Roster::honour(std::uint32_t request) {
  for (auto& c : clients_) c.honours |= bit(request);
}

void Roster::honour(std::uint32_t request, std::uint32_t client) { clients_[client].honours |= bit(request); }

std::uint64_t Roster::begin_again() {
  std::uint64_t done = 0;
  for (auto& c : clients_)
    if (c.excluded())
      done += c.accepted;  // of the lineage that ends
    else
      c.accepted = 0;
  return done;
}

std::int64_t Roster::samples(std::uint32_t client) const {
  return training_samples(setup_, client, clients_[client].honours);
}

std::pair<double, std::size_t> Roster::mean_samples() const {
  double total = 0;
  std::size_t n = 0;
  for (std::uint32_t c = 0; c < clients_.size(); ++c) {
    if (clients_[c].excluded()) continue;
    total += static_cast<double>(samples(c));
    ++n;
  }
  return {n > 0 ? std::max(1.0, total / static_cast<double>(n)) : 1.0, n};
}

std::vector<std::int64_t> Roster::staying_samples() const {
  std::vector<std::int64_t> all(clients_.size(), 0);
  for (std::uint32_t c = 0; c < clients_.size(); ++c)
    if (!clients_[c].leaving) all[c] = samples(c);
  return all;
}

std::vector<bool> Roster::staying() const {
  std::vector<bool> stay;
  for (const auto& c : clients_) stay.push_back(!c.leaving);
  return stay;
}

std::vector<methods::Participant> Roster::participants(const methods::Request& r) const {
  // The request's own bit; a whole client's has none.
  const auto own = r.scope == methods::Scope::client ? 0 : bit(r.index);
  std::vector<methods::Participant> all;
  for (std::uint32_t c = 0; c < clients_.size(); ++c) {
    auto honours = clients_[c].honours;
    if (clients_[c].excluded()) {
      if (c != r.client || r.scope != methods::Scope::samples) continue;
      honours |= own;
    }
    all.push_back({c, training_samples(setup_, c, honours), training_rows(setup_, c, honours),
                   training_rows(setup_, c, honours & ~own)});
  }
  return all;
}

std::pair<data::IndicesPtr, std::int64_t> Roster::calibration_rows(std::int64_t most) const {
  if (setup_.data) {
    auto rows = data::spread_rows(environments(), static_cast<std::size_t>(most));
    const auto count = static_cast<std::int64_t>(rows->size());
    return {std::move(rows), count};
  }
  const auto stay =
      std::count_if(clients_.begin(), clients_.end(), [](const Standing& c) { return !c.asks; });
  return {nullptr, std::min(most, setup_.scenario->calibration.samples_per_environment * stay)};
}

}  // namespace afu::federate
