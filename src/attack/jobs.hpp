#pragma once
/// What the lanes compute for the attacks, as it is asked for. No torch in this header.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attack/plan.hpp"
#include "engine/sgd_settings.hpp"
#include "job/job.hpp"
#include "train/train_job.hpp"

namespace afu::attack {

/// All of the attacks that are named, on one version.
struct AttackJob {
  static constexpr const char* name = "attack";
  std::vector<std::string> names;      ///< of the attacks
  model::ParametersPtr model;          ///< the version that is attacked
  model::ParametersPtr before;         ///< the one that the first request found; needed to relearn
  std::vector<data::IndicesPtr> sets;  ///< by Set
  data::TargetLabel backdoor_target;
  /// Of each reference model the probabilities that it gives the true classes of forget, holdout and known_out.
  std::vector<std::vector<double>> references;
  std::int64_t evaluation_batch_size = 256;
  double rmia_a = 0;
  std::int64_t relearn_batches = 0, relearn_batch_size = 32;
  engine::SgdSettings relearn_sgd;
  std::optional<engine::AdamSettings> relearn_adam{};  ///< none: SGD
  base::StreamKey key;

  bool asks(const std::string& attack) const;
};
AFU_FIELDS(AttackJob, names, model, before, sets, backdoor_target, references, evaluation_batch_size, rmia_a,
           relearn_batches, relearn_batch_size, relearn_sgd, relearn_adam, key)
/// Figures: "loss.auc", ... A figure that does not apply is absent.
job::JobResult run(engine::Workspace& workspace, const AttackJob& job);

/// The attack on `model`. `references`: what the reference models answered. `before`: null where no relearning is asked
/// for.
AttackJob attack_job(const Plan& plan, const model::ParametersPtr& model,
                     const std::vector<std::vector<double>>& references, const model::ParametersPtr& before);

/// A reference model: a network trained from fresh weights, which is not kept.
struct ReferenceJob {
  static constexpr const char* name = "reference_model";
  train::TrainJob training;             ///< its base is ignored: the weights come from `key`
  std::vector<data::IndicesPtr> asked;  ///< forget, holdout, known_out
  std::int64_t evaluation_batch_size = 256;
  base::StreamKey key;
};
AFU_FIELDS(ReferenceJob, training, asked, evaluation_batch_size, key)
/// Numbers: the probabilities of the true classes of each set asked, one after the other.
job::JobResult run(engine::Workspace& workspace, const ReferenceJob& job);

/// Reference model `index` of the plan.
ReferenceJob reference_job(const Plan& plan, std::uint64_t index);

}  // namespace afu::attack
