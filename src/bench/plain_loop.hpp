#pragma once
/// What `afu bench train` compares with.
#include <torch/types.h>

#include "model/model.hpp"
#include "train/train_job.hpp"

namespace afu::bench {

/// The plain loop: the model's own tensors (no flat views), float images index-selected a batch, on their
/// device, torch::optim::SGD. Trains `model` in place on the samples, in the order and with the settings of
/// `job`; clipping and FedProx are not done. Both implementations must end at the same parameters: a test
/// holds them to it.
void train_plainly(model::Model& model, const torch::Tensor& images, const torch::Tensor& labels,
                   const train::TrainJob& job);

}  // namespace afu::bench
