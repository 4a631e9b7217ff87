#pragma once
#include "job/fields.hpp"

namespace afu::engine {

/// Local SGD: g += weight_decay*w + prox_mu*(w - w_base); clipped to clip_norm; momentum without dampening. The
/// result, after - base, is scaled down to `max_delta` where it is longer; 0: never.
struct SgdSettings {
  double lr = 0.01, momentum = 0.0, weight_decay = 0.0, clip_norm = 0.0, prox_mu = 0.0, max_delta = 0.0;
};
AFU_FIELDS(SgdSettings, lr, momentum, weight_decay, clip_norm, prox_mu, max_delta)

}  // namespace afu::engine
