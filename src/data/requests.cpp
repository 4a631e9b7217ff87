#include "data/requests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "base/random.hpp"
#include "config/scenario.hpp"

namespace afu::data {

namespace {

IndicesPtr share(Indices rows) { return std::make_shared<const Indices>(std::move(rows)); }

std::string key_of(std::size_t request) { return fmt::format("erasure[{}]", request); }

/// Gathers what is wrong, one line a request.
class Complaints {
 public:
  void add(std::string text) { text_ += (text_.empty() ? "" : "\n") + std::move(text); }
  void raise() const {
    if (!text_.empty()) throw DataError(text_);
  }

 private:
  std::string text_;
};

/// Whether a part of `count` can be erased of a client's `n` samples of which requests before it leave
/// `left`.
bool check_part(std::size_t request, const config::Erasure& e, std::int64_t count, std::int64_t n,
                std::int64_t left, Complaints& complaints) {
  if (count >= 1 && count < left) return true;
  complaints.add(fmt::format(
      "{}.fraction: {} of client {}'s {} training sample{} rounds to {}, and {} are there{}; allowed is at "
      "least 1 and fewer than all (scope \"client\" erases all)",
      key_of(request), e.fraction, e.client, n, n == 1 ? "" : "s", count, left,
      left < n ? " that no request before it takes" : ""));
  return false;
}

Indices class_rows(const FederatedData& data, std::size_t request, std::int64_t label,
                   Complaints& complaints) {
  Indices rows;
  if (label >= data.classes()) {
    complaints.add(fmt::format("{}.class: value is {}, allowed 0 to {}: the data have {} classes",
                               key_of(request), label, data.classes() - 1, data.classes()));
    return rows;
  }
  for (const auto& client : data.clients)
    for (auto r : *client.train)
      if (data.pool->labels[static_cast<std::size_t>(r)] == label) rows.push_back(r);
  std::sort(rows.begin(), rows.end());
  if (rows.empty())
    complaints.add(
        fmt::format("{}.class: no client trains on a sample of class {}: nothing is to be forgotten",
                    key_of(request), label));
  return rows;
}

/// A client's training rows in the order in which requests for a part of them take them.
Indices order_of_leaving(const FederatedData& data, std::int64_t client, std::uint64_t seed) {
  auto rows = *data.clients.at(static_cast<std::size_t>(client)).train;
  base::Stream s({seed, base::purpose("forget"), static_cast<std::uint64_t>(client), 0});
  base::shuffle(rows, s);
  std::stable_partition(rows.begin(), rows.end(), [&](std::int64_t r) {
    return r >= data.poisoned_begin && r < data.poisoned_begin + data.poisoned;
  });
  return rows;
}

/// What requests take of one client.
struct Leaving {
  Indices order;  ///< order_of_leaving; empty: nobody has asked for a fraction yet
  std::map<std::int64_t, std::size_t> taken;  ///< rows, by which request

  /// So many that nobody has taken, in that order; ascending.
  Indices next(std::size_t count, std::size_t request) {
    Indices rows;
    for (auto r : order)
      if (rows.size() < count && taken.emplace(r, request).second) rows.push_back(r);
    std::sort(rows.begin(), rows.end());
    return rows;
  }
};

/// Those of an erasure that names its samples which no request before it has taken.
Indices named_rows(const FederatedData& data, std::size_t request, const config::Erasure& e, Leaving& leaving,
                   Complaints& complaints, std::vector<std::string>* notes) {
  const auto& originals = data.poisoned_originals;
  Indices rows;
  std::map<std::size_t, std::size_t> before;  // how many each request has taken
  for (auto r : e.rows) {
    const auto copy = std::find(originals.begin(), originals.end(), r);
    const auto row = copy == originals.end() ? r : data.poisoned_begin + (copy - originals.begin());
    const auto [at, fresh] = leaving.taken.emplace(row, request);
    if (fresh)
      rows.push_back(row);
    else
      ++before[at->second];
  }
  std::sort(rows.begin(), rows.end());
  std::string takers;
  for (const auto& [other, count] : before)
    takers += fmt::format("{}{} by {}", takers.empty() ? "" : ", ", count, key_of(other));
  if (rows.empty())
    complaints.add(fmt::format(
        "{}: all {} training samples of client {} that it names are taken by requests before it ({}): nothing is left "
        "for it",
        key_of(request), e.rows.size(), e.client, takers));
  else if (!before.empty() && notes)
    notes->push_back(fmt::format(
        "{}: of the {} training samples of client {} that it names {} are left, the others are taken by requests "
        "before it: {}",
        key_of(request), e.rows.size(), e.client, rows.size(), takers));
  return rows;
}

/// Whether request `later` is sure to come behind request `earlier`. Times of different kinds cannot be
/// compared.
bool comes_after(const config::Scenario& s, std::size_t later, std::size_t earlier) {
  const auto &a = s.erasures[earlier], &b = s.erasures[later];
  const auto behind = [&](auto first, auto second) {
    return first >= 0 && second >= 0 && (first < second || (first == second && earlier < later));
  };
  return behind(a.at_update, b.at_update) || behind(a.at_round, b.at_round) ||
         behind(a.at_seconds, b.at_seconds);
}

/// Requests for a part that `client` may have to honour while it still trains.
std::vector<std::size_t> honoured_by(const config::Scenario& s, std::int64_t client) {
  std::vector<std::size_t> parts;
  for (std::size_t i = 0; i < s.erasures.size(); ++i) {
    const auto& e = s.erasures[i];
    if (e.scope == config::Scope::client || (config::is_part(e.scope) && e.client != client)) continue;
    bool gone = false;
    for (std::size_t k = 0; k < s.erasures.size(); ++k)
      gone = gone || (s.erasures[k].scope == config::Scope::client && s.erasures[k].client == client &&
                      comes_after(s, i, k));
    if (!gone) parts.push_back(i);
  }
  return parts;
}

/// Refuses what leaves a client without a sample to train on.
void check_clients(const FederatedData& data, const config::Scenario& s, const std::vector<IndicesPtr>& rows,
                   Complaints& complaints) {
  std::map<std::vector<std::size_t>, std::vector<std::size_t>> emptied;  // clients, by the requests
  for (std::size_t c = 0; c < data.clients.size(); ++c) {
    const auto parts = honoured_by(s, static_cast<std::int64_t>(c));
    if (parts.empty()) continue;
    const auto& train = *data.clients[c].train;
    const bool any_left = std::any_of(train.begin(), train.end(), [&](std::int64_t r) {
      return std::none_of(parts.begin(), parts.end(), [&](std::size_t i) {
        return std::binary_search(rows[i]->begin(), rows[i]->end(), r);
      });
    });
    if (!any_left) emptied[parts].push_back(c);
  }
  for (const auto& [parts, clients] : emptied) {
    std::string names;
    for (auto i : parts) names += (names.empty() ? "" : " and ") + key_of(i);
    std::string who = fmt::format("client {}", clients.front());
    if (clients.size() > 1) who += fmt::format(" and {} more", clients.size() - 1);
    complaints.add(fmt::format(
        "{}: {} all {} training samples of {}; allowed is to leave every client that goes on at least one",
        names, parts.size() == 1 ? "it takes" : "together they take",
        data.clients[clients.front()].train->size(), who));
  }
}

}  // namespace

std::int64_t samples_asked(double fraction, std::int64_t n) {
  return std::llround(fraction * static_cast<double>(n));
}

std::vector<IndicesPtr> requested_rows(const FederatedData& data, const config::Scenario& s,
                                       std::vector<std::string>* notes) {
  Complaints complaints;
  std::map<std::int64_t, Leaving> parted;  // clients of which parts were asked for
  std::vector<IndicesPtr> out;
  for (std::size_t i = 0; i < s.erasures.size(); ++i) {
    const auto& e = s.erasures[i];
    if (e.scope == config::Scope::data_class) {
      out.push_back(share(class_rows(data, i, e.label, complaints)));
      continue;
    }
    const auto& train = data.clients.at(static_cast<std::size_t>(e.client)).train;
    if (e.scope == config::Scope::client) {
      out.push_back(train);
      continue;
    }
    auto& leaving = parted[e.client];
    if (e.named()) {
      out.push_back(share(named_rows(data, i, e, leaving, complaints, notes)));
      continue;
    }
    if (leaving.order.empty()) leaving.order = order_of_leaving(data, e.client, s.scenario.seed);
    const auto n = static_cast<std::int64_t>(train->size());
    const auto count = samples_asked(e.fraction, n);
    Indices rows;
    if (check_part(i, e, count, n, n - static_cast<std::int64_t>(leaving.taken.size()), complaints))
      rows = leaving.next(static_cast<std::size_t>(count), i);
    out.push_back(share(std::move(rows)));
  }
  complaints.raise();
  check_clients(data, s, out, complaints);
  complaints.raise();
  return out;
}

void check_requested_counts(const config::Scenario& s, std::int64_t n) {
  Complaints complaints;
  std::map<std::int64_t, std::int64_t> taken;
  for (std::size_t i = 0; i < s.erasures.size(); ++i) {
    const auto& e = s.erasures[i];
    if (e.scope != config::Scope::samples || e.named()) continue;
    const auto count = samples_asked(e.fraction, n);
    if (check_part(i, e, count, n, n - taken[e.client], complaints)) taken[e.client] += count;
  }
  complaints.raise();
}

IndicesPtr rows_without(const IndicesPtr& rows, const std::vector<IndicesPtr>& forgotten) {
  const auto keep = [&](std::int64_t r) {
    return std::none_of(forgotten.begin(), forgotten.end(),
                        [&](const IndicesPtr& f) { return std::binary_search(f->begin(), f->end(), r); });
  };
  Indices kept;
  kept.reserve(rows->size());
  std::copy_if(rows->begin(), rows->end(), std::back_inserter(kept), keep);
  return kept.size() == rows->size() ? rows : share(std::move(kept));
}

bool covers_backdoor(const FederatedData& data, const Indices& rows) {
  if (data.poisoned == 0) return false;
  const auto begin = std::lower_bound(rows.begin(), rows.end(), data.poisoned_begin);
  const auto end = std::lower_bound(rows.begin(), rows.end(), data.poisoned_begin + data.poisoned);
  return end - begin == data.poisoned;
}

}  // namespace afu::data
