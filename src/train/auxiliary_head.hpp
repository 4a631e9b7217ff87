#pragma once
/// FedAU's second head (Gu et al. 2024): trained on the same features as the model's own.
#include <torch/types.h>

#include <cstdint>

#include "engine/optimiser.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"
#include "train/train_job.hpp"

namespace afu::train {

/// The random label of `row` in [0, classes): the same in every job of a run.
std::int64_t fixed_random_label(std::uint64_t seed, std::int64_t row, std::int64_t classes);

/// A linear layer beside the model: leaves of its own, which are views of flat tensors laid out as the
/// model's head is (weight, then bias).
class FreeHead {
 public:
  /// Starts from `values` [range.size()], which it takes over.
  FreeHead(torch::Tensor values, const model::HeadRange& range);
  torch::Tensor forward(const torch::Tensor& features) const;  ///< [B, F] -> logits [B, classes]
  torch::Tensor& values() { return values_; }
  torch::Tensor& gradients() { return gradients_; }
  /// `v` [range.size()] in its place in a whole vector that is zero elsewhere, buffers too.
  static model::ParametersPtr in_place(const engine::Workspace& workspace, const model::HeadRange& range,
                                       const torch::Tensor& v);

 private:
  torch::Tensor values_, gradients_, weight_, bias_;
};

/// The auxiliary head of one local training.
class AuxiliaryTraining {
 public:
  /// The replica holds the job's base; `order`: the rows in the order they are trained on. Throws
  /// std::runtime_error where the model has no separable head, std::invalid_argument for a head of another
  /// model.
  AuxiliaryTraining(engine::Workspace& workspace, const TrainJob& job, const data::Indices& order);

  /// Forward and backward of the batch that begins at `begin` in the order: the flat gradients are those of
  /// CE(main head, y) + CE(auxiliary head, y'), y' being the fixed random label of a relabelled row and y of
  /// any other; without AuxiliaryHead::backbone the second term stops at the auxiliary head. Returns the main
  /// head's mean cross entropy, detached, on the device.
  torch::Tensor gradient(const engine::Batch& batch, std::int64_t begin);
  /// The auxiliary head's own step by the job's optimiser; a proximal term pulls to where it started.
  void step(const TrainJob& job);
  /// The head in its place in a whole vector that is zero elsewhere.
  model::ParametersPtr result();

 private:
  engine::Workspace& workspace_;
  model::HeadRange range_;
  model::Head main_;
  FreeHead head_;
  engine::OptimiserState state_;
  torch::Tensor start_;
  torch::Tensor given_;  ///< a position's random label, -1 where it keeps its own
  bool backbone_;
};

}  // namespace afu::train
