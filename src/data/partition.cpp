#include "data/partition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/elementary.hpp"
#include "base/random.hpp"
#include "config/sections/partition.hpp"
#include "data/image_folder.hpp"
#include "data/units.hpp"

namespace afu::data {

namespace {

using Scheme = config::PartitionScheme;

constexpr int max_tries = 1000;

using Clients = std::vector<Indices>;

base::Stream stream_of(std::uint64_t seed, std::uint64_t actor, std::uint64_t round = 0) {
  return base::Stream({seed, base::purpose("partition"), actor, round});
}

[[noreturn]] void refuse(const config::PartitionSection& s, const std::string& what) {
  throw DataError(fmt::format("partition.scheme = \"{}\": {}", config::name_of(s.scheme), what));
}

std::map<std::int64_t, Indices> rows_by_class(const std::vector<std::int64_t>& labels) {
  std::map<std::int64_t, Indices> classes;
  for (std::size_t i = 0; i < labels.size(); ++i) classes[labels[i]].push_back(static_cast<std::int64_t>(i));
  return classes;
}

/// Dir(alpha_1, ..., alpha_n) as logarithms, not normalised: nothing underflows however small an alpha is.
/// Entries with alpha 0 are -infinity.
std::vector<double> log_dirichlet(const std::vector<double>& alphas, base::Stream& s) {
  std::vector<double> logs;
  for (auto a : alphas)
    logs.push_back(a > 0 ? std::max(-1e300, s.log_gamma_variate(a))
                         : -std::numeric_limits<double>::infinity());
  return logs;
}

/// exp of `logs` over their sum. At least one must be finite.
std::vector<double> normalised(std::vector<double> logs) {
  const auto top = *std::max_element(logs.begin(), logs.end());
  double sum = 0;
  for (auto& v : logs) sum += v = base::exp(v - top);
  for (auto& v : logs) v /= sum;
  return logs;
}

Clients iid(const std::vector<std::int64_t>& labels, const config::PartitionSection& section,
            std::uint64_t seed) {
  auto rows = all_rows(static_cast<std::int64_t>(labels.size()));
  auto s = stream_of(seed, 0);
  base::shuffle(rows, s);
  Clients clients(static_cast<std::size_t>(section.clients));
  for (std::size_t i = 0; i < rows.size(); ++i) clients[i % clients.size()].push_back(rows[i]);
  return clients;
}

/// One draw of the scheme "dirichlet" over units.
Clients draw_dirichlet(const std::map<std::int64_t, std::vector<Unit>>& classes, std::size_t rows,
                       const config::PartitionSection& section, std::uint64_t seed, std::uint64_t round) {
  const auto k = static_cast<std::size_t>(section.clients);
  Clients clients(k);
  for (const auto& [label, members] : classes) {
    auto s = stream_of(seed, static_cast<std::uint64_t>(label), round);
    auto units = members;
    base::shuffle(units, s);
    auto logs = log_dirichlet(std::vector<double>(k, section.alpha), s);
    // Somebody is below the mean as long as rows are left.
    for (std::size_t c = 0; c < k; ++c)
      if (clients[c].size() * k >= rows) logs[c] = -std::numeric_limits<double>::infinity();
    const auto shares = normalised(std::move(logs));

    double cumulative = 0;
    std::size_t from = 0, last = 0;
    for (std::size_t c = 0; c < k; ++c)
      if (shares[c] > 0) last = c;
    for (std::size_t c = 0; c < k; ++c) {
      cumulative += shares[c];
      // Rounding must not leave a unit over: the last client with a share takes the rest.
      const auto to =
          c >= last ? units.size()
                    : std::min(units.size(),
                               static_cast<std::size_t>(cumulative * static_cast<double>(units.size())));
      for (; from < to; ++from)
        clients[c].insert(clients[c].end(), units[from].rows.begin(), units[from].rows.end());
    }
  }
  return clients;
}

Clients dirichlet(const std::vector<std::int64_t>& labels, const std::vector<std::int64_t>& subjects,
                  const config::PartitionSection& section, std::uint64_t seed) {
  const auto n = static_cast<std::int64_t>(labels.size());
  const auto least = std::max<std::int64_t>(1, section.min_samples);
  if (least > n / section.clients)
    refuse(section,
           fmt::format("{} training samples do not give each of {} clients partition.min_samples = {}", n,
                       section.clients, least));
  std::map<std::int64_t, std::vector<Unit>> classes;
  for (auto& u : make_units(all_rows(n), labels, subjects)) classes[u.label].push_back(std::move(u));
  for (int round = 0; round < max_tries; ++round) {
    auto clients = draw_dirichlet(classes, labels.size(), section, seed, static_cast<std::uint64_t>(round));
    if (std::all_of(clients.begin(), clients.end(),
                    [&](const Indices& c) { return static_cast<std::int64_t>(c.size()) >= least; }))
      return clients;
  }
  refuse(
      section,
      fmt::format(
          "none of {} draws gave each of {} clients at least partition.min_samples = {} of {} samples; raise "
          "partition.alpha = {}, or lower min_samples or clients",
          max_tries, section.clients, least, n, section.alpha));
}

Clients dirichlet_client(const std::vector<std::int64_t>& labels, const config::PartitionSection& section,
                         std::uint64_t seed) {
  auto classes = rows_by_class(labels);
  auto s = stream_of(seed, 0);
  std::vector<double> alphas;
  std::vector<Indices> left;
  for (auto& [label, rows] : classes) {
    alphas.push_back(section.alpha * static_cast<double>(rows.size()) / static_cast<double>(labels.size()));
    base::shuffle(rows, s);
    left.push_back(std::move(rows));
  }
  const auto k = static_cast<std::size_t>(section.clients);
  Clients clients(k);
  for (std::size_t c = 0; c < k; ++c) {
    auto draw = stream_of(seed, 1 + c);
    const auto logs = log_dirichlet(alphas, draw);
    std::vector<double> q;
    const auto renormalise = [&] {
      auto open = logs;
      for (std::size_t j = 0; j < open.size(); ++j)
        if (left[j].empty()) open[j] = -std::numeric_limits<double>::infinity();
      q = normalised(std::move(open));
    };
    const auto size = labels.size() / k + (c < labels.size() % k ? 1 : 0);
    for (renormalise(); clients[c].size() < size;) {
      // The class in whose part of [0, 1) the draw falls; rounding may run past the end, then the last with a
      // share.
      double u = draw.uniform();
      std::size_t chosen = 0;
      for (std::size_t j = 0; j < q.size(); ++j)
        if (q[j] > 0) {
          chosen = j;
          if ((u -= q[j]) < 0) break;
        }
      clients[c].push_back(left[chosen].back());
      left[chosen].pop_back();
      if (left[chosen].empty() && clients[c].size() < size) renormalise();
    }
  }
  return clients;
}

Clients pathological(const std::vector<std::int64_t>& labels, const config::PartitionSection& section,
                     std::uint64_t seed) {
  std::vector<Indices> classes;
  std::vector<std::int64_t> class_labels;
  auto s = stream_of(seed, 0);
  for (auto& [label, rows] : rows_by_class(labels)) {
    class_labels.push_back(label);
    classes.push_back(rows);
  }
  const auto c = static_cast<std::int64_t>(classes.size()), m = section.classes_per_client,
             k = section.clients;
  if (m < 1 || m > c)
    refuse(section,
           fmt::format("partition.classes_per_client is {}, allowed 1 to {}, the classes of the data", m, c));
  if (k > (std::int64_t{1} << 40) / m || k * m < c)
    refuse(section,
           fmt::format("{} clients with {} classes each leave some of {} classes to nobody", k, m, c));

  // Slots are dealt to a shuffled round of the classes, so a client's are distinct and holders are spread
  // evenly.
  auto order = all_rows(c), seats = all_rows(k);
  base::shuffle(order, s);
  base::shuffle(seats, s);
  std::vector<std::vector<std::int64_t>> holders(classes.size());
  for (std::int64_t slot = 0; slot < k * m; ++slot)
    holders[static_cast<std::size_t>(order[static_cast<std::size_t>(slot % c)])].push_back(
        seats[static_cast<std::size_t>(slot / m)]);

  Clients clients(static_cast<std::size_t>(k));
  for (std::size_t j = 0; j < classes.size(); ++j) {
    auto& rows = classes[j];
    if (rows.size() < holders[j].size())
      refuse(section, fmt::format("class {} has {} training samples for {} clients", class_labels[j],
                                  rows.size(), holders[j].size()));
    base::shuffle(rows, s);
    for (std::size_t i = 0; i < rows.size(); ++i)
      clients[static_cast<std::size_t>(holders[j][i % holders[j].size()])].push_back(rows[i]);
  }
  return clients;
}

Clients by_subject(const std::vector<std::int64_t>& labels, const std::vector<std::int64_t>& subjects,
                   const config::PartitionSection& section, std::uint64_t seed) {
  if (subjects.empty())
    refuse(
        section,
        fmt::format(
            "the data set does not tell its subjects. A folder tells them by file names {}; a manifest by its column "
            "data.columns.subject; DICOM files by their PatientID; an .npz file by the "
            "members train_subjects, val_subjects and test_subjects; else choose another scheme: \"iid\", "
            "\"dirichlet\", \"dirichlet_client\" or \"pathological\" (configs/your_images.md)",
            subject_pattern));
  auto units = make_units(all_rows(static_cast<std::int64_t>(labels.size())), labels, subjects);
  if (static_cast<std::int64_t>(units.size()) < section.clients)
    refuse(section,
           fmt::format("{} clients, but only {} subjects to train on", section.clients, units.size()));
  auto s = stream_of(seed, 0);
  base::shuffle(units, s);
  std::stable_sort(units.begin(), units.end(),
                   [](const Unit& a, const Unit& b) { return a.rows.size() > b.rows.size(); });
  Clients clients(static_cast<std::size_t>(section.clients));
  for (const auto& u : units) {
    auto& poorest = *std::min_element(clients.begin(), clients.end(),
                                      [](const Indices& a, const Indices& b) { return a.size() < b.size(); });
    poorest.insert(poorest.end(), u.rows.begin(), u.rows.end());
  }
  return clients;
}

}  // namespace

bool keeps_subjects(const std::vector<std::int64_t>& subjects, const config::PartitionSection& section) {
  return !subjects.empty() && (section.scheme == Scheme::subject || section.scheme == Scheme::dirichlet ||
                               section.scheme == Scheme::site);
}

SiteRows rows_by_site(const std::vector<std::int64_t>& sites, const std::vector<std::string>& names,
                      const config::PartitionSection& section) {
  if (sites.empty()) refuse(section, "the manifest tells no sites: it has no column data.columns.site");
  std::map<std::int64_t, Indices> by_site;
  for (std::size_t i = 0; i < sites.size(); ++i) by_site[sites[i]].push_back(static_cast<std::int64_t>(i));
  SiteRows out;
  for (auto& [site, rows] : by_site) {
    out.names.push_back(names.at(static_cast<std::size_t>(site)));
    out.rows.push_back(std::move(rows));
  }
  if (static_cast<std::int64_t>(out.rows.size()) != section.clients) {
    constexpr std::size_t most = 20;
    const auto shown = std::min(most, out.names.size());
    throw DataError(fmt::format(
        "partition.clients: value is {}, but the training images come from {} site{}: {}{}; allowed is {}",
        section.clients, out.names.size(), out.names.size() == 1 ? "" : "s",
        fmt::join(out.names.begin(), out.names.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
        out.names.size() > shown ? fmt::format(" and {} more", out.names.size() - shown) : "",
        out.names.size()));
  }
  return out;
}

std::vector<Indices> partition_rows(const std::vector<std::int64_t>& labels,
                                    const std::vector<std::int64_t>& subjects,
                                    const config::PartitionSection& section, std::uint64_t seed) {
  if (section.clients < 1)
    throw DataError(fmt::format("partition.clients: value is {}, allowed at least 1", section.clients));
  if (section.clients > static_cast<std::int64_t>(labels.size()))
    throw DataError(fmt::format("partition.clients: value is {}, but there are only {} training samples",
                                section.clients, labels.size()));
  if (!(section.alpha > 0))
    throw DataError(fmt::format("partition.alpha: value is {}, allowed above 0", section.alpha));
  Clients clients;
  switch (section.scheme) {
    case Scheme::iid:
      clients = iid(labels, section, seed);
      break;
    case Scheme::dirichlet:
      clients = dirichlet(labels, subjects, section, seed);
      break;
    case Scheme::dirichlet_client:
      clients = dirichlet_client(labels, section, seed);
      break;
    case Scheme::pathological:
      clients = pathological(labels, section, seed);
      break;
    case Scheme::subject:
      clients = by_subject(labels, subjects, section, seed);
      break;
    case Scheme::site:
      throw std::logic_error("rows_by_site divides by site");
  }
  for (auto& c : clients) std::sort(c.begin(), c.end());
  return clients;
}

HoldOut hold_out(const Indices& rows, const std::vector<std::int64_t>& subjects,
                 const config::PartitionSection& section, std::uint64_t seed, std::int64_t client) {
  static const std::vector<std::int64_t> each_alone;
  auto groups = group_rows(rows, keeps_subjects(subjects, section) ? subjects : each_alone);
  base::Stream s({seed, base::purpose("holdout"), static_cast<std::uint64_t>(client), 0});
  base::shuffle(groups, s);

  const auto wanted =
      static_cast<std::size_t>(std::llround(section.holdout_fraction * static_cast<double>(rows.size())));
  HoldOut out;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const bool more = out.holdout.empty() ? section.holdout_fraction > 0 : out.holdout.size() < wanted;
    auto& to = more && g + 1 < groups.size() ? out.holdout : out.train;
    to.insert(to.end(), groups[g].begin(), groups[g].end());
  }
  std::sort(out.train.begin(), out.train.end());
  std::sort(out.holdout.begin(), out.holdout.end());
  return out;
}

}  // namespace afu::data
