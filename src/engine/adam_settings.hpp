#pragma once
/// No torch in this header.
#include "job/fields.hpp"

namespace afu::engine {

/// Adam (Kingma and Ba 2015) in the place of SGD's step; step size, weight decay, clipping and pulls are SgdSettings',
/// whose momentum is not looked at. `decoupled`: AdamW (Loshchilov and Hutter 2019).
struct AdamSettings {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  bool decoupled = false;
};
AFU_FIELDS(AdamSettings, beta1, beta2, epsilon, decoupled)

inline bool operator==(const AdamSettings& a, const AdamSettings& b) {
  return a.beta1 == b.beta1 && a.beta2 == b.beta2 && a.epsilon == b.epsilon && a.decoupled == b.decoupled;
}

}  // namespace afu::engine
