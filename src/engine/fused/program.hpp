#pragma once
/// The fused step: forward and backward pass of a network on the CPU without
/// autograd, a block of kLanes images at a time, in memory that is taken once.
#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/fused/plan.hpp"

namespace afu::engine::fused {

/// One thread at a time. The same bits whatever the thread, the lane and what
/// ran before; rounding differs from autograd's, which sums in another order.
class Program {
 public:
  explicit Program(Plan plan, const device::cpu::Kernels& kernels = device::cpu::kernels());

  /// Logits [B, classes] of images [B, C, H, W] float32. Activations are not
  /// kept.
  torch::Tensor forward(const torch::Tensor& parameters, const torch::Tensor& images);

  /// Adds to `gradients` that of `sign` times the mean cross entropy, or, of
  /// labels [B, L], binary cross entropy (engine::task_loss), which it returns. One block goes there and back before the next: its activations
  /// stay in the caches.
  double cross_entropy_gradient(const torch::Tensor& parameters, const torch::Tensor& images,
                                const torch::Tensor& labels, double sign, torch::Tensor& gradients);

  /// For any other loss: the logits of a forward pass whose activations are
  /// kept, then backward() with the loss' gradient in the logits [B, classes],
  /// which is added to `gradients`. `parameters` and the batch are those of the
  /// forward pass, the last one before.
  torch::Tensor forward_kept(const torch::Tensor& parameters, const torch::Tensor& images);
  void backward(const torch::Tensor& parameters, const torch::Tensor& d_logits, torch::Tensor& gradients);

  const Plan& plan() const { return plan_; }
  const device::cpu::Kernels& kernels() const { return kernels_; }

 private:
  void pack(const float* parameters, std::int64_t images, bool reversed);
  void fill(float* activations, const float* images, std::int64_t count) const;
  void forward(const float* parameters, float* activations, std::int64_t count);
  void backward(const float* parameters, float* activations, std::int64_t count, bool add, float* gradients);
  void clear(float* gradients) const;
  torch::Tensor logits_of(const torch::Tensor& parameters, const torch::Tensor& images, bool keep);
  float* block(std::size_t i);

  Plan plan_;
  const device::cpu::Kernels& kernels_;
  std::vector<torch::Tensor> blocks_;  ///< activations; all but the first only for forward_kept
  torch::Tensor gradients_, packed_, scratch_;
  std::int64_t kept_ = -1;  ///< images of the last forward_kept
};

}  // namespace afu::engine::fused
