#pragma once
/// FedAU's exchange of the head (Gu et al. 2024), as it is asked for. W1 is the model's last linear layer with its
/// bias, W2 the auxiliary one.
#include <cstdint>

#include "job/job.hpp"

namespace afu::methods {

struct FedauMergeJob {
  static constexpr const char* name = "fedau_merge";
  model::ParametersPtr model;
  model::ParametersPtr auxiliary;  ///< a vector whose head is W2
  double alpha = 0.9;
};
AFU_FIELDS(FedauMergeJob, model, auxiliary, alpha)

/// Output 0: alpha (W2 - W1) at the head, 0 elsewhere. Throws std::invalid_argument where a vector is missing or of
/// another model.
job::JobResult run(engine::Workspace& workspace, const FedauMergeJob& job);

/// FedQUIT's port, for a head that was not trained beforehand.
struct FedauPostHocJob {
  static constexpr const char* name = "fedau_post_hoc";
  model::ParametersPtr base;
  base::IndicesPtr forget;
  double alpha = 0.96, lr = 0.1;
  std::int64_t epochs = 10, batch_size = 32;
  base::StreamKey key;  ///< order of the samples, W2's start, the random labels
};
AFU_FIELDS(FedauPostHocJob, base, forget, alpha, lr, epochs, batch_size, key)

/// The backbone is frozen (eval mode); a fresh W2, weights N(0, 0.01^2) and biases 0, is trained by SGD on the forget
/// set with the rows' fixed random labels. Output 0: alpha (W2 - W1) at the head, 0 elsewhere. Figure "loss": W2's mean
/// cross entropy on the random labels in the last epoch. Throws std::invalid_argument without a base or samples.
job::JobResult run(engine::Workspace& workspace, const FedauPostHocJob& job);

}  // namespace afu::methods
