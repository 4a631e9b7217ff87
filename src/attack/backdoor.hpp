#pragma once
/// Whether a trigger still works (src/attack/README.md, backdoor).
#include "attack/answers.hpp"

namespace afu::attack {

struct BackdoorFigures {
  double success = 0;        ///< share of triggered images answered with the target label
  double clean = 0;          ///< the same of the images without the trigger
  double lift = 0;           ///< (success - clean) / (1 - clean), NaN where clean is 1
  double true_accuracy = 0;  ///< share of triggered images answered with their true label
};

/// `triggered` and `clean` answer to the same images, none of which has the target label already. Throws
/// std::invalid_argument where one is: those would count as successes of a model without any backdoor.
BackdoorFigures backdoor_figures(const Answers& triggered, const Answers& clean,
                                 const data::TargetLabel& target);

}  // namespace afu::attack
