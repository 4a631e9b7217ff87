#include "data/split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/random.hpp"
#include "data/units.hpp"

namespace afu::data {

SplitRows split_rows(const std::vector<std::int64_t>& labels, const std::vector<std::int64_t>& subjects,
                     double val_fraction, double test_fraction, std::uint64_t seed) {
  if (val_fraction + test_fraction >= 1)
    throw DataError(fmt::format("data.val_fraction {} and data.test_fraction {} leave nothing to train on",
                                val_fraction, test_fraction));
  SplitRows out;
  // In the order in which a class of few units gets them.
  struct Part {
    Indices* rows;
    double fraction;
  };
  const std::array<Part, 3> parts{Part{&out.train, 1 - val_fraction - test_fraction},
                                  {&out.test, test_fraction},
                                  {&out.val, val_fraction}};

  std::map<std::int64_t, std::vector<Unit>> classes;
  for (auto& u : make_units(all_rows(static_cast<std::int64_t>(labels.size())), labels, subjects))
    classes[u.label].push_back(std::move(u));

  for (auto& [label, units] : classes) {
    base::Stream stream({seed, base::purpose("split"), static_cast<std::uint64_t>(label), 0});
    base::shuffle(units, stream);
    std::stable_sort(units.begin(), units.end(),
                     [](const Unit& a, const Unit& b) { return a.rows.size() > b.rows.size(); });
    std::size_t images = 0;
    for (const auto& u : units) images += u.rows.size();
    std::array<double, 3> missing{};
    for (std::size_t p = 0; p < parts.size(); ++p)
      missing[p] = parts[p].fraction * static_cast<double>(images);
    std::array<bool, 3> has{};
    for (const auto& u : units) {
      std::size_t to = 0;
      while (to < parts.size() && (has[to] || parts[to].fraction <= 0)) ++to;
      if (to == parts.size())
        to = static_cast<std::size_t>(std::max_element(missing.begin(), missing.end()) - missing.begin());
      has[to] = true;
      missing[to] -= static_cast<double>(u.rows.size());
      parts[to].rows->insert(parts[to].rows->end(), u.rows.begin(), u.rows.end());
    }
  }
  for (const auto& p : parts) std::sort(p.rows->begin(), p.rows->end());
  return out;
}

Indices limited_rows(const Indices& rows, const std::vector<std::int64_t>& labels, std::int64_t limit,
                     std::uint64_t seed) {
  if (limit <= 0 || limit >= static_cast<std::int64_t>(rows.size())) return rows;
  std::map<std::int64_t, Indices> classes;
  for (auto r : rows) classes[labels[static_cast<std::size_t>(r)]].push_back(r);
  std::vector<std::int64_t> counts;
  for (const auto& c : classes) counts.push_back(static_cast<std::int64_t>(c.second.size()));
  const auto shares = apportion(limit, counts, counts);

  Indices out;
  std::size_t i = 0;
  for (auto& [label, members] : classes) {
    base::Stream stream({seed, base::purpose("limit"), static_cast<std::uint64_t>(label), 0});
    base::shuffle(members, stream);
    out.insert(out.end(), members.begin(), members.begin() + shares[i++]);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::int64_t> shared_subjects(const Source& source) {
  std::map<std::int64_t, int> splits;
  for (const auto* images : {&source.train, &source.val, &source.test})
    for (auto subject : std::set<std::int64_t>(images->subjects.begin(), images->subjects.end()))
      ++splits[subject];
  std::vector<std::int64_t> shared;
  for (const auto& [subject, count] : splits)
    if (count > 1) shared.push_back(subject);
  return shared;
}

}  // namespace afu::data
