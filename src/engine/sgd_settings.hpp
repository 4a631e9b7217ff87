#pragma once
#include "job/fields.hpp"

namespace afu::engine {

/// Local SGD: g += weight_decay*w + prox_mu*(w - w_base); clipped to clip_norm; momentum without dampening. The
/// result, after - base, is scaled down to `max_delta` where it is longer; 0: never.
struct SgdSettings {
  double lr = 0.01, momentum = 0.0, weight_decay = 0.0, clip_norm = 0.0, prox_mu = 0.0, max_delta = 0.0;
};
AFU_FIELDS(SgdSettings, lr, momentum, weight_decay, clip_norm, prox_mu, max_delta)

/// What an unlearning method or a regulariser adds to local training; everything is optional.
struct TrainExtras {
  static constexpr const char* name = "training extras";
  double lr_factor = 1.0;
  /// 1 where a parameter is trained, 0 where it stays as it is (pruned).
  model::ParametersPtr mask;
  /// g += strength * fisher * (w - anchor) (EWC, Kirkpatrick et al. 2017, eq. 3); without `fisher` it counts
  /// as 1.
  model::ParametersPtr anchor, fisher;
  double strength = 0.0;
};
AFU_FIELDS(TrainExtras, lr_factor, mask, anchor, fisher, strength)

}  // namespace afu::engine
