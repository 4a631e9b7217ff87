#include "attack/backdoor.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace afu::attack {

BackdoorFigures backdoor_figures(const Answers& triggered, const Answers& clean,
                                 const data::TargetLabel& target) {
  if (triggered.labels != clean.labels)
    throw std::invalid_argument("triggered and clean images are not the same ones");
  if (!std::all_of(clean.labels.begin(), clean.labels.end(),
                   [&](std::int64_t own) { return target.differs(own); }))
    throw std::invalid_argument("images of the target label cannot tell whether a trigger works");
  BackdoorFigures f;
  f.success = share_predicted(triggered, target);
  f.clean = share_predicted(clean, target);
  f.lift = f.clean == 1 ? std::numeric_limits<double>::quiet_NaN() : (f.success - f.clean) / (1 - f.clean);
  f.true_accuracy = accuracy(triggered);
  return f;
}

}  // namespace afu::attack
