#include "federate/late_updates.hpp"

namespace afu::federate {

using Kind = record::Decision::Kind;

void LateUpdates::corrected(double weight, model::ParametersPtr vector) {
  if (vector && !corrections_.empty()) corrections_.back().vectors.emplace_back(weight, std::move(vector));
}

Kind LateUpdates::take(aggregate::Arrival& update, std::uint64_t base_epoch) const {
  if (policy_ == config::LatePolicy::drop) return Kind::late_dropped;
  update.late = true;
  if (policy_ == config::LatePolicy::accept) return Kind::late_accepted;
  if (policy_ == config::LatePolicy::guard) {
    if (!corrections_.empty() && !corrections_.back().vectors.empty())
      update.guard = corrections_.back().vectors.front().second;
    return Kind::late_guarded;
  }
  for (const auto& correction : corrections_)
    if (correction.epoch > base_epoch)
      update.rebase.insert(update.rebase.end(), correction.vectors.begin(), correction.vectors.end());
  return Kind::late_rebased;
}

void LateUpdates::settle(Kind kind, aggregate::MergePlan& plan) {
  if (kind != Kind::late_guarded || !plan.whole_model) return;
  plan.whole_model = false;
  plan.keep = 1.0;
}

}  // namespace afu::federate
