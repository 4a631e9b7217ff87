#include "metrics/sets.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/elementary.hpp"
#include "config/scenario.hpp"
#include "data/label_set.hpp"
#include "data/non_members.hpp"
#include "data/requests.hpp"
#include "metrics/evaluate_job.hpp"

namespace afu::metrics {
namespace {

/// `rows` without those of classes that an erasure names.
data::Indices of_other_classes(const data::FederatedData& data, const config::Scenario& s,
                               const data::Indices& rows) {
  data::Indices others;
  for (auto r : rows) {
    const auto label = data.pool->labels[static_cast<std::size_t>(r)];
    if (std::none_of(s.erasures.begin(), s.erasures.end(), [&](const auto& e) { return e.label == label; }))
      others.push_back(r);
  }
  return others;
}

/// Held-out rows of those whose samples `e` covers: of its client, or everybody's of its class. Ascending,
/// and not poisoned yet.
data::Indices held_out(const data::FederatedData& data, const config::Erasure& e) {
  data::Indices rows;
  for (std::size_t c = 0; c < data.clients.size(); ++c) {
    if (e.client >= 0 && e.client != static_cast<std::int64_t>(c)) continue;
    for (auto r : *data.clients[c].holdout)
      if (e.label < 0 || data.pool->labels[static_cast<std::size_t>(r)] == e.label) rows.push_back(r);
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

/// The poisoned copies among `rows`, which ascend; null: there are none.
data::IndicesPtr poisoned_of(const data::FederatedData& data, const data::Indices& rows) {
  const auto begin = std::lower_bound(rows.begin(), rows.end(), data.poisoned_begin);
  const auto end = std::lower_bound(begin, rows.end(), data.poisoned_begin + data.poisoned);
  return begin == end ? nullptr : std::make_shared<const data::Indices>(begin, end);
}

/// Of sets of labels: what the constant answer scores that says of each label what most have.
record::SetLabels label_mix(const data::FederatedData& data, const data::Indices& rows) {
  record::SetLabels s;
  s.samples = rows.size();
  s.classes = 2;
  s.labels = static_cast<std::uint64_t>(data.classes());
  const auto n = static_cast<double>(rows.size()), all = static_cast<double>(data.classes());
  for (std::int64_t l = 0; l < data.classes(); ++l) {
    const auto with = static_cast<double>(std::count_if(rows.begin(), rows.end(), [&](std::int64_t r) {
      return data::has_label(data.pool->labels[static_cast<std::size_t>(r)], l);
    }));
    s.majority_share += std::max(with, n - with) / n / all;
    for (const double share : {with / n, 1 - with / n})
      if (share > 0) s.entropy -= share * base::log(share) / all;
  }
  return s;
}

}  // namespace

std::optional<record::SetLabels> set_labels(const data::FederatedData& data, const data::IndicesPtr& rows) {
  if (!rows || rows->empty()) return std::nullopt;
  if (data.multi_label()) return label_mix(data, *rows);
  std::map<std::int64_t, double> counts;
  for (auto r : *rows) ++counts[data.pool->labels[static_cast<std::size_t>(r)]];
  record::SetLabels s;
  s.samples = rows->size();
  s.classes = counts.size();
  for (const auto& [label, count] : counts) {
    const double share = count / static_cast<double>(rows->size());
    s.majority_share = std::max(s.majority_share, share);
    s.entropy -= share * base::log(share);
  }
  return s;
}

data::IndicesPtr retained_rows(const data::FederatedData& data, const config::Scenario& s,
                               data::IndicesPtr data::ClientShare::*part, std::int64_t at_most) {
  data::Indices all;
  for (std::size_t c = 0; c < data.clients.size(); ++c) {
    bool asked = false;
    for (const auto& e : s.erasures) asked = asked || e.client == static_cast<std::int64_t>(c);
    if (asked) continue;
    const auto rows = of_other_classes(data, s, *(data.clients[c].*part));
    all.insert(all.end(), rows.begin(), rows.end());
  }
  const auto most = static_cast<std::size_t>(at_most);
  if (most > 0 && all.size() > most) {
    data::Indices some;
    for (std::size_t i = 0; i < most; ++i) some.push_back(all[i * all.size() / most]);
    all = std::move(some);
  }
  return std::make_shared<const data::Indices>(std::move(all));
}

std::vector<EvaluationGroup> evaluation_groups(const data::FederatedData& data, const config::Scenario& s) {
  std::vector<EvaluationGroup> groups;
  const auto add = [&](const char* set, std::int64_t client, const std::string& site,
                       const data::Indices& rows) {
    auto own = of_other_classes(data, s, rows);
    if (own.empty()) return;
    std::sort(own.begin(), own.end());
    groups.push_back({set, client, site, std::make_shared<const data::Indices>(std::move(own))});
  };
  for (std::size_t c = 0; c < data.clients.size(); ++c)
    add("holdout", static_cast<std::int64_t>(c), c < data.client_names.size() ? data.client_names[c] : "",
        *data.clients[c].holdout);
  for (const auto& site : data.site_tests) add("test", site.client, site.site, *site.rows);
  return groups;
}

std::shared_ptr<const EvaluationSets> evaluation_sets(const data::FederatedData& data,
                                                      const config::Scenario& s,
                                                      const std::vector<data::IndicesPtr>& forget) {
  auto sets = std::make_shared<EvaluationSets>();
  data::Indices rows, holdout;
  for (std::size_t i = 0; i < s.erasures.size(); ++i) {
    auto own = held_out(data, s.erasures[i]);
    rows.insert(rows.end(), forget[i]->begin(), forget[i]->end());
    holdout.insert(holdout.end(), own.begin(), own.end());
    sets->requests.push_back({forget[i], data::non_members(data, *forget[i], own, s.scenario.seed),
                              data::covers_backdoor(data, *forget[i]), poisoned_of(data, *forget[i])});
  }
  for (auto* set : {&rows, &holdout}) {  // several requests may name the same samples
    std::sort(set->begin(), set->end());
    set->erase(std::unique(set->begin(), set->end()), set->end());
  }
  sets->test = std::make_shared<const data::Indices>(of_other_classes(data, s, *data.test));
  sets->holdout = data::non_members(data, rows, holdout, s.scenario.seed);
  sets->forget = std::make_shared<const data::Indices>(std::move(rows));
  sets->retain = retained_rows(data, s, &data::ClientShare::train, s.evaluation.max_retain_samples);
  sets->triggered = data.triggered_test;
  sets->backdoor_target = data.backdoor_target;
  if (s.evaluation.by_client) sets->groups = evaluation_groups(data, s);
  return sets;
}

}  // namespace afu::metrics
