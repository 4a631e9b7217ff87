#pragma once
/// FedQUIT's local erasure (Mora et al. 2024), as it is asked for.
#include <cstdint>
#include <string>

#include "config/choice.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// What the true class's logit becomes: the row's smallest; a value; sum_c q_c z_c over the other classes, q
/// being the softmax over them of z / temperature.
AFU_CHOICE(TrueLogitKind, min, fixed, weighted)
struct TrueLogit {
  using Kind = TrueLogitKind;
  Kind kind = Kind::min;
  double value = 0, temperature = 1;
};
AFU_FIELDS(TrueLogit, kind, value, temperature)

/// What is to be close of the teacher's and the student's probabilities.
AFU_CHOICE(DistillationLoss, kl, ce, mse, cosine)

struct FedquitJob {
  static constexpr const char* name = "fedquit";
  model::ParametersPtr base;  ///< the current version, which is the teacher too
  base::IndicesPtr forget;
  double lr = 1e-3;
  std::int64_t epochs = 1, batch_size = 32;
  TrueLogit true_logit;
  DistillationLoss loss = DistillationLoss::kl;
  base::StreamKey key;  ///< order of the samples
};
AFU_FIELDS(FedquitJob, base, forget, lr, epochs, batch_size, true_logit, loss, key)

/// Distils by that loss from the quasi-competent teacher (the base, frozen) with Adam, in eval mode: normalisation
/// statistics stay as they are. Output 0: student - base. Figure "loss": its mean of the last epoch. Throws
/// std::invalid_argument without a base or samples.
job::JobResult run(engine::Workspace& workspace, const FedquitJob& job);

}  // namespace afu::methods
