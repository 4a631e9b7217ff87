#include "attack/plan.hpp"

#include <algorithm>
#include <iterator>

#include "base/random.hpp"
#include "config/attack_names.hpp"
#include "config/scenario.hpp"
#include "metrics/evaluate_job.hpp"
#include "metrics/sets.hpp"

namespace afu::attack {
namespace {

data::IndicesPtr share(data::Indices rows) { return std::make_shared<const data::Indices>(std::move(rows)); }

/// All training rows that nobody asks to forget, ascending.
data::Indices never_forgotten(const data::FederatedData& data, const data::Indices& forget) {
  data::Indices rows;
  for (const auto& client : data.clients) rows.insert(rows.end(), client.train->begin(), client.train->end());
  std::sort(rows.begin(), rows.end());
  data::Indices kept;
  std::set_difference(rows.begin(), rows.end(), forget.begin(), forget.end(), std::back_inserter(kept));
  return kept;
}

}  // namespace

bool Plan::asks(const std::string& name) const {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<data::IndicesPtr> attack_sets(const data::FederatedData& data, const config::Scenario& s,
                                          const metrics::EvaluationSets& evaluation) {
  const auto most = s.evaluation.max_retain_samples;
  std::vector<data::IndicesPtr> sets(set_count);
  sets[forget] = evaluation.forget;
  sets[holdout] = evaluation.holdout;
  sets[known_in] = metrics::retained_rows(data, s, &data::ClientShare::train, most);
  sets[known_out] = metrics::retained_rows(data, s, &data::ClientShare::holdout, most);
  if (data.backdoor_target.any()) {
    data::Indices rows;
    for (auto r : *data.test)
      if (data.backdoor_target.differs(data.pool->labels[static_cast<std::size_t>(r)])) rows.push_back(r);
    sets[clean] = share(std::move(rows));
    sets[triggered] = data.triggered_test;
    sets[control] = data.control_test;
  }
  return sets;
}

PlanPtr plan_attacks(const data::FederatedData& data, const std::shared_ptr<const config::Scenario>& scenario,
                     const metrics::EvaluationSets& evaluation) {
  const auto& s = *scenario;
  auto plan = std::make_shared<Plan>();
  plan->names = selected(s.evaluation.attacks, s.evaluation.reference_models > 0);
  if (config::traits(s.model.name).imported)  // its features are not to be told apart
    plan->names.erase(std::remove(plan->names.begin(), plan->names.end(), "probe"), plan->names.end());
  if (data.multi_label())
    for (const auto& k : known)
      if (k.one_class)
        plan->names.erase(std::remove(plan->names.begin(), plan->names.end(), k.name), plan->names.end());
  plan->keep_models = s.output.snapshots;
  if (s.erasures.empty() || (plan->names.empty() && !plan->keep_models)) return nullptr;
  plan->sets = attack_sets(data, s, evaluation);
  plan->backdoor_target = data.backdoor_target;
  plan->scenario = scenario;
  plan->reference_epochs = s.evaluation.reference_epochs;
  if (plan->asks("lira") || plan->asks("rmia")) {
    const auto rows = never_forgotten(data, *evaluation.forget);
    for (std::int64_t i = 0; i < s.evaluation.reference_models; ++i) {
      auto half = rows;
      base::Stream stream(
          {s.scenario.seed, base::purpose("reference half"), static_cast<std::uint64_t>(i), 0});
      base::shuffle(half, stream);
      half.resize((half.size() + 1) / 2);
      plan->reference_rows.push_back(share(std::move(half)));
    }
  }
  return plan;
}

}  // namespace afu::attack
