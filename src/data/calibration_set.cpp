#include "data/calibration_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_set>

#include "base/random.hpp"
#include "config/scenario.hpp"
#include "data/units.hpp"

namespace afu::data {

std::vector<Indices> calibration_environments(const std::vector<std::vector<std::int64_t>>& class_counts,
                                              const Indices& val, const std::vector<std::int64_t>& labels,
                                              std::int64_t samples, std::uint64_t seed) {
  if (val.empty())
    throw DataError(
        "the validation split is empty, and the calibration set is drawn from it (data.val_samples, "
        "data.val_fraction)");
  const auto classes = class_counts.empty() ? 0 : class_counts.front().size();
  std::vector<Indices> queue(classes);
  for (auto r : val) queue[static_cast<std::size_t>(labels[static_cast<std::size_t>(r)])].push_back(r);
  std::vector<std::int64_t> available;
  std::vector<std::size_t> next(classes, 0);
  for (std::size_t c = 0; c < classes; ++c) {
    base::Stream s({seed, base::purpose("calibration set"), c, 0});
    base::shuffle(queue[c], s);
    available.push_back(static_cast<std::int64_t>(queue[c].size()));
  }

  std::vector<Indices> environments;
  for (const auto& counts : class_counts) {
    const auto quota = apportion(samples, counts, available);
    Indices rows;
    for (std::size_t c = 0; c < classes; ++c)
      for (std::int64_t k = 0; k < quota[c]; ++k) rows.push_back(queue[c][next[c]++ % queue[c].size()]);
    if (rows.empty() && samples > 0)
      throw DataError(
          fmt::format("the validation split has no image of any class of client {}: its calibration "
                      "environment would be empty",
                      environments.size()));
    std::sort(rows.begin(), rows.end());
    environments.push_back(std::move(rows));
  }
  return environments;
}

namespace {

Contribution contribution(const Indices& holdout, const Images& images, const config::Scenario& s,
                          bool by_subject, std::uint64_t client) {
  static const std::vector<std::int64_t> each_alone;
  auto groups = group_rows(holdout, by_subject ? images.subjects : each_alone);
  base::Stream stream({s.scenario.seed, base::purpose("calibration contribution"), client, 0});
  base::shuffle(groups, stream);
  const auto wanted = static_cast<std::size_t>(s.calibration.samples_per_environment);
  const auto to_forget = [&](std::int64_t row) {
    const auto label = images.labels[static_cast<std::size_t>(row)];
    return std::any_of(s.erasures.begin(), s.erasures.end(), [&](const auto& e) { return e.label == label; });
  };
  Contribution out;
  for (const auto& group : groups) {
    const auto before = out.rows.size();
    for (auto r : group)
      if (out.rows.size() < wanted && !to_forget(r)) out.rows.push_back(r);
    if (out.rows.size() == before) out.kept.insert(out.kept.end(), group.begin(), group.end());
  }
  std::sort(out.rows.begin(), out.rows.end());
  std::sort(out.kept.begin(), out.kept.end());
  return out;
}

}  // namespace

std::vector<Contribution> contributed_environments(const std::vector<IndicesPtr>& holdouts,
                                                   const Images& images, const config::Scenario& s,
                                                   bool by_subject) {
  constexpr std::size_t most_named = 8;
  const auto wanted = static_cast<std::size_t>(s.calibration.samples_per_environment);
  std::vector<Contribution> all;
  std::string names;
  std::size_t givers = 0, short_of = 0;
  for (std::size_t c = 0; c < holdouts.size(); ++c) {
    const bool asks = std::any_of(s.erasures.begin(), s.erasures.end(),
                                  [&](const auto& e) { return e.client == static_cast<std::int64_t>(c); });
    all.push_back(asks ? Contribution{{}, *holdouts[c]}
                       : contribution(*holdouts[c], images, s, by_subject, c));
    givers += !asks;
    const auto n = all.back().rows.size();
    if (asks || n == wanted) continue;
    if (short_of++ < most_named) names += fmt::format("{}client {} has {}", names.empty() ? "" : ", ", c, n);
  }
  if (short_of > most_named) names += fmt::format(", and {} more", short_of - most_named);
  if (short_of > 0)
    throw DataError(
        fmt::format("calibration.source = \"clients\": each is to give {} held-out images "
                    "(calibration.samples_per_environment), {} of the {} that ask for no erasure hold out "
                    "fewer: {}; allowed are fewer images, or a larger partition.holdout_fraction (it is {})",
                    wanted, short_of, givers, names, s.partition.holdout_fraction));
  return all;
}

std::vector<std::int64_t> environment_shares(const std::vector<std::int64_t>& sizes, std::int64_t total,
                                             std::int64_t least) {
  auto shares = apportion(total, sizes, sizes);
  for (std::size_t e = 0; e < sizes.size(); ++e) shares[e] = std::min(sizes[e], std::max(shares[e], least));
  return shares;
}

std::vector<IndicesPtr> thinned(const std::vector<IndicesPtr>& environments, std::int64_t most,
                                std::int64_t least, std::uint64_t seed) {
  std::vector<std::int64_t> sizes;
  for (const auto& e : environments) sizes.push_back(static_cast<std::int64_t>(e->size()));
  const auto shares = environment_shares(sizes, most, least);
  std::vector<IndicesPtr> fewer;
  for (std::size_t e = 0; e < environments.size(); ++e) {
    auto rows = *environments[e];
    base::Stream s({seed, base::purpose("thinned environment"), e, 0});
    base::shuffle(rows, s);
    rows.resize(static_cast<std::size_t>(shares[e]));
    std::sort(rows.begin(), rows.end());
    fewer.push_back(std::make_shared<const Indices>(std::move(rows)));
  }
  return fewer;
}

IndicesPtr spread_rows(const std::vector<IndicesPtr>& environments, std::size_t most) {
  std::set<Indices::value_type> rows;
  std::size_t longest = 0;
  for (const auto& e : environments) longest = std::max(longest, e->size());
  for (std::size_t i = 0; i < longest; ++i)
    for (const auto& e : environments)
      if (i < e->size() && rows.size() < most) rows.insert((*e)[i]);
  return std::make_shared<const Indices>(rows.begin(), rows.end());
}

void assert_calibration_disjoint(const FederatedData& data, bool by_subject) {
  const auto& subjects = data.pool->subjects;
  const auto subject = [&](std::int64_t row) { return subjects[static_cast<std::size_t>(row)]; };
  std::vector<bool> taken(static_cast<std::size_t>(data.pool->size()), false);
  std::unordered_set<std::int64_t> taken_subjects;
  const auto take = [&](const Indices& rows) {
    for (auto r : rows) {
      taken[static_cast<std::size_t>(r)] = true;
      if (by_subject) taken_subjects.insert(subject(r));
    }
  };
  take(*data.test);
  for (const auto& c : data.clients) {
    take(*c.train);
    take(*c.holdout);
  }
  for (std::size_t e = 0; e < data.calibration.size(); ++e)
    for (auto r : *data.calibration[e]) {
      if (taken[static_cast<std::size_t>(r)])
        throw std::logic_error(
            fmt::format("row {} of calibration environment {} is a test or client row", r, e));
      if (by_subject && taken_subjects.count(subject(r)))
        throw std::logic_error(
            fmt::format("row {} of calibration environment {} is of a test or client subject", r, e));
    }
}

}  // namespace afu::data
