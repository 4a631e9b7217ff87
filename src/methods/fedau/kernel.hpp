#pragma once
/// FedAU's exchange of the head (Gu et al. 2024). W1 is the model's last linear layer with its bias, W2 the
/// auxiliary one.
#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// Kernel "fedau_merge".
/// inputs   {model; a vector whose head is W2}
/// settings alpha
/// outputs  {alpha (W2 - W1) at the head, 0 elsewhere}
job::JobResult fedau_merge(engine::Workspace& workspace, const job::KernelJob& job);

/// Kernel "fedau_post_hoc", FedQUIT's port for a head that was not trained beforehand: the backbone is frozen
/// (eval mode); a fresh W2, weights N(0, 0.01^2) and biases 0, is trained by SGD on the forget set with the
/// rows' fixed random labels.
/// inputs   {base}
/// samples  {forget set}
/// settings head_lr, head_epochs, batch_size, post_hoc_alpha
/// outputs  {post_hoc_alpha (W2 - W1) at the head, 0 elsewhere}
/// figures  loss: W2's mean cross entropy on the random labels in the last epoch
job::JobResult fedau_post_hoc(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::methods
