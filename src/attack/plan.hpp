#pragma once
/// What is attacked in a run, and with what: drawn up before it begins. No tensors here.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"
#include "job/job.hpp"
#include "metrics/evaluate_job.hpp"

namespace afu::attack {

/// The sets of an attack, by their place in AttackJob::sets. Empty or null: what needs it does not apply.
enum Set : std::size_t {
  forget,     ///< what the erasures ask to forget
  holdout,    ///< held-out samples of its owners, poisoned to the same share: the non-members
  known_in,   ///< training samples of clients that ask for nothing
  known_out,  ///< their held-out samples; also the population of rmia
  clean,      ///< test images of other classes than the backdoor's
  triggered,  ///< the same with the trigger
  control,    ///< the same with a trigger that was planted nowhere
  set_count
};

struct Plan {
  std::vector<std::string> names;  ///< of the attacks, as attack::selected gives them
  std::vector<data::IndicesPtr> sets;
  data::TargetLabel backdoor_target;
  /// Of each reference model: a random half of the training samples that nobody asks to forget.
  std::vector<data::IndicesPtr> reference_rows;
  std::int64_t reference_epochs = 1;
  bool keep_models = false;  ///< for snapshots
  std::shared_ptr<const config::Scenario> scenario;

  bool asks(const std::string& name) const;
};
using PlanPtr = std::shared_ptr<const Plan>;

/// The rows of every Set.
std::vector<data::IndicesPtr> attack_sets(const data::FederatedData& data, const config::Scenario& scenario,
                                          const metrics::EvaluationSets& evaluation);

/// Null where nothing is to be attacked or kept: no attacks asked for and no snapshots, or no erasure.
PlanPtr plan_attacks(const data::FederatedData& data, const std::shared_ptr<const config::Scenario>& scenario,
                     const metrics::EvaluationSets& evaluation);

}  // namespace afu::attack
