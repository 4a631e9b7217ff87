#pragma once
/// The calibration that is reported of AFU-IC's paper, as it is asked for.
#include <cstdint>
#include <vector>

#include "config/choice.hpp"
#include "engine/sgd_settings.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// Whose probabilities are the constant that the others are drawn to: f(x)'s, f(Phi(x))'s, or nobody's.
AFU_CHOICE(KlConstant, clean, augmented, none)
/// Phi: another intensity, then a blur with noise, or one of them (calibrate/perturbations.hpp).
AFU_CHOICE(Phi, both, intensity, blur)

struct AugmentationKlJob {
  static constexpr const char* name = "augmentation_kl";
  model::ParametersPtr base;
  std::vector<base::IndicesPtr> environments;  ///< empty ones are left out
  engine::SgdSettings sgd;
  std::int64_t steps = 0, batch_size = 0;  ///< images of a step, over all environments; 0: all
  KlConstant constant = KlConstant::clean;
  Phi phi = Phi::both;
  double cross_entropy = 0;  ///< weight of the mean cross entropy of x, beside the KL's 1
  base::StreamKey key;       ///< of Phi, which is drawn anew for each step, and of the batches
};
AFU_FIELDS(AugmentationKlJob, base, environments, sgd, steps, batch_size, constant, phi, cross_entropy, key)

/// Steps of SGD with fresh momentum, in eval mode, down
///
///   L = mean over the calibration images x of KL( f(x) || f(Phi(x)) ) + cross_entropy * mean CE(f(x), y),
///
/// f being the class probabilities. Output 0: the sum of the steps, to be added to the base. Figures: loss, penalty (the KL),
/// risk (the mean CE; absent where it has no weight), each _before and _after, over all images and both under the first step's
/// draw of Phi; norm of the output. Throws std::invalid_argument without a base, or images.
job::JobResult run(engine::Workspace& workspace, const AugmentationKlJob& job);

}  // namespace afu::methods
