#pragma once
/// Optimisers on flat tensors: a whole model is one vector.
#include <torch/types.h>

#include <cstdint>

#include "engine/adam_settings.hpp"
#include "engine/sgd_settings.hpp"
#include "job/job.hpp"

namespace afu::engine {

/// train::TrainExtras on the device and with the type of the weights, each as long as they are. Undefined:
/// none.
struct StepExtras {
  torch::Tensor mask, anchor, fisher;
  double strength = 0;  ///< 0 where there is no anchor
};

/// One step of SGD, in place (src/train/README.md, SGD), of one model [d] or of several [K, d], each clipped
/// by its own norm:
///   g += weight_decay * w + prox_mu * (w - base) + strength * fisher * (w - anchor);  g *= mask;
///   g *= min(1, clip_norm / (|g| + 1e-6)) when clip_norm > 0;
///   momentum = s.momentum * momentum + g;
///   w -= lr * momentum.
/// Weight decay counts before clipping. `g` is scratch afterwards. `momentum` is only looked at when
/// s.momentum != 0, `base` only when s.prox_mu != 0. No host synchronisation on a GPU.
void sgd_step(torch::Tensor& w, torch::Tensor& g, torch::Tensor& momentum, const torch::Tensor& base,
              const SgdSettings& s, const StepExtras* extras = nullptr);

/// What sgd_step does to the gradient before momentum: the pulls, the mask, clipping; in place.
void prepare_gradient(const torch::Tensor& w, torch::Tensor& g, const torch::Tensor& base,
                      const SgdSettings& s, const StepExtras* extras = nullptr);

/// g *= min(1, longest / (|g| + 1e-6)) in place, of one gradient [d] or of several [K, d], each by its own
/// norm, also where the float32 sum of squares overflows. Where `g` holds what is not finite, so does the
/// result. No host synchronisation on a GPU. `longest`: a number, or float32 [].
void clip(torch::Tensor& g, double longest);
void clip(torch::Tensor& g, const torch::Tensor& longest);

/// Adam's step (Kingma and Ba 2015), the `steps`-th, by tensor operators as PyTorch's does it, without weight decay.
void adam_update(torch::Tensor& w, const torch::Tensor& g, torch::Tensor& mean, torch::Tensor& square,
                 std::int64_t steps, double lr, const AdamSettings& adam);

/// Of erasures and calibrations. Adam (Kingma and Ba 2015) with bias correction, beta 0.9 and 0.999, epsilon 1e-8, no weight decay.
class Adam {
 public:
  Adam(const torch::Tensor& like, double lr);
  void step(torch::Tensor& w, const torch::Tensor& g);

 private:
  double lr_;
  std::int64_t steps_ = 0;
  torch::Tensor mean_, square_;
};

}  // namespace afu::engine
