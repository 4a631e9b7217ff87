#pragma once
/// How fast a model learns again what it was to forget (src/attack/README.md, relearn).
#include <cstdint>
#include <optional>
#include <string>

#include "data/target_label.hpp"
#include "engine/adam_settings.hpp"
#include "engine/sgd_settings.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::attack {

struct Relearning {
  std::string name = "relearn";        ///< of the attack
  data::IndicesPtr forget, triggered;  ///< `triggered` empty or null: no backdoor
  data::IndicesPtr shown;              ///< what it is trained on, of `forget`
  data::TargetLabel target;            ///< the backdoor's
  engine::SgdSettings sgd;
  std::optional<engine::AdamSettings> adam{};  ///< none: SGD
  std::int64_t batch_size = 32, evaluation_batch_size = 256;
  std::int64_t most = 200;  ///< batches
  base::StreamKey key;      ///< of their order
};

/// `count` of `rows`, at random, where there are more; ascending. A smaller count's are among a larger one's.
data::IndicesPtr few(const data::IndicesPtr& rows, std::int64_t count, const base::StreamKey& key);

/// Trains `model` on the forget set, or the few of it that are shown, batch by batch, until its accuracy
/// there, and the backdoor's success, are at 95 % of what `before` has. Figures: NAME.accuracy_batches and,
/// with a backdoor, NAME.success_batches: how many that took, 0 where it was there from the start; where it
/// was not reached they are `most` and NAME.accuracy_reached (success_reached) is 0, else 1. Both are NaN
/// where `before` has nothing to come back to (0) and where the model diverges before it gets there. To be
/// compared with a retrained model's: fewer means that something was left.
void relearn(engine::Workspace& workspace, const model::ParameterVector& before,
             const model::ParameterVector& model, const Relearning& r, job::JobResult& result);

}  // namespace afu::attack
