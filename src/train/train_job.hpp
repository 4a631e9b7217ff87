#pragma once
/// A client's local training, as it is asked for.
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "config/augmentation.hpp"
#include "engine/adam_settings.hpp"
#include "engine/sgd_settings.hpp"
#include "job/job.hpp"

namespace afu::config {
struct TrainingSection;
AFU_FIELDS(Augmentation, flip, rotate, scale, shift, contrast, brightness)
}  // namespace afu::config

namespace afu::train {

using model::ParametersPtr;

using engine::TrainExtras;

/// FedAU (Gu et al. 2024): a second head on the same features, trained beside the first.
struct AuxiliaryHead {
  static constexpr const char* name = "auxiliary head";
  ParametersPtr head;  ///< the head's last values, in its place in a whole vector; null: there are none yet
  base::IndicesPtr relabelled;  ///< ascending rows that get a fixed random label at this head
  double gamma = 1.0;           ///< it starts from (1 - gamma) main head + gamma `head`
  bool backbone = true;         ///< its loss trains the shared layers too
};
AFU_FIELDS(AuxiliaryHead, head, relabelled, gamma, backbone)

/// Train from `base`; the result is the difference after - base (buffers: their values after).
struct TrainJob {
  static constexpr const char* name = "train";
  ParametersPtr base;
  base::IndicesPtr samples;
  engine::SgdSettings sgd;
  std::int64_t epochs = 1, steps = 0, batch_size = 32;  ///< steps > 0 overrides epochs
  base::StreamKey key;                                  ///< order of the samples
  std::shared_ptr<const TrainExtras> extras{};          ///< null: none
  std::shared_ptr<const AuxiliaryHead> auxiliary{};     ///< null: none; else outputs[1] is the new head
  config::Augmentation augment{};
  std::optional<engine::AdamSettings> adam{};  ///< none: SGD
  bool balanced = false;                       ///< see Schedule
  /// `samples` in shards, an epoch of each after the other, in the order of `shard_order` (schedule.hpp), so often as there are
  /// epochs; what the optimiser keeps begins anew each time. One may be empty. None: `samples` are trained on as they are.
  std::vector<base::IndicesPtr> shards{};
  bool parts = false;  ///< outputs[1 + s] is what training on shard s changed
};
AFU_FIELDS(TrainJob, base, samples, sgd, epochs, steps, batch_size, key, extras, auxiliary, augment, adam,
           balanced, shards, parts)
/// Runs the job. Output 0: the difference to the base (buffers: their values after). Figure "loss": mean
/// cross entropy of the samples of the last (perhaps unfinished) epoch, of every shard's last where there are shards, each
/// before the step it was used in.
/// Figure "shortened": 1 where job.sgd.max_delta scaled the difference down, else absent.
/// With job.auxiliary, output 1: the auxiliary head (train/auxiliary_head.hpp), which job.extras do not
/// concern. With job.parts, outputs 1 to S: of each shard what training on it has changed, summed up over its epochs, without buffers, zeros
/// of an empty one; they add up to output 0 but for rounding, and are scaled down with it. job.extras->lr_factor is not looked at: who makes the job puts it into the step size. The result
/// depends on the job alone, not on the lane that runs it. Throws for a job that cannot be run.
job::JobResult run(engine::Workspace& workspace, const TrainJob& job);

/// The optimiser of [training]; none: SGD.
std::optional<engine::AdamSettings> adam_of(const config::TrainingSection& training);

/// Local training as [training] says, its step size times `lr_factor`, on `samples` from `base`.
TrainJob local_training(const config::TrainingSection& training, ParametersPtr base, base::IndicesPtr samples,
                        const base::StreamKey& key, double lr_factor = 1);

}  // namespace afu::train
