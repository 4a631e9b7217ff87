#pragma once
/// What one lane computes with: device, model replica with flat parameters, the resident data set. One thread
/// at a time.
#include <torch/types.h>

#include <memory>
#include <string>

#include "compute/job.hpp"
#include "data/dataset.hpp"
#include "model/model.hpp"
#include "model/parameters.hpp"

namespace afu::compute {

namespace fused {
class Program;
}

/// The pool's images resident on one device as uint8, shared by the lanes of that device.
struct ResidentPool {
  torch::Tensor images;  ///< [N, C, H, W] uint8
  torch::Tensor labels;  ///< [N] int64
};
/// Uploads `pool` (no copy on the CPU: the tensors view the pool's memory, which they keep alive).
std::shared_ptr<const ResidentPool> make_resident(std::shared_ptr<const data::Images> pool,
                                                  torch::Device device);

struct Batch {
  torch::Tensor images;  ///< [B, C, H, W] float32, (x/255 - 0.5)/0.5
  torch::Tensor labels;  ///< [B] int64
};

class Workspace {
 public:
  /// `step`: which engine takes training steps and evaluates, "auto", "fused" or "autograd" (choose_step).
  /// Throws std::invalid_argument where "fused" cannot be had.
  Workspace(std::unique_ptr<model::Model> model, std::shared_ptr<const ResidentPool> pool,
            torch::Device device, const std::string& step = "auto");
  ~Workspace();

  torch::Device device() const { return device_; }
  model::Model& net() { return *model_; }
  /// The fused step of the replica, null where autograd is the engine.
  fused::Program* fused() { return fused_.get(); }
  const std::shared_ptr<const model::Layout>& layout() const { return layout_; }

  /// Flat views of the replica: writing to them writes the model's parameters, gradients, buffers.
  torch::Tensor& parameters() { return parameters_; }
  torch::Tensor& gradients() { return gradients_; }
  torch::Tensor& buffers() { return buffers_; }

  /// Logits of the replica as it is, without gradients, by the engine that the workspace has.
  torch::Tensor forward(const torch::Tensor& images);

  /// Loads a version: one copy (a second one for buffers).
  void load(const model::ParameterVector& v);
  /// The replica's state minus `base` (buffers: the replica's values), or as it is when `base` is null; a new
  /// vector.
  model::ParametersPtr difference(const model::ParametersPtr& base) const;
  model::ParametersPtr wrap(torch::Tensor values, torch::Tensor buffers) const;
  /// Rows [begin, begin + count) of `order` (an int64 tensor on the device) as a normalised batch.
  Batch gather(const torch::Tensor& order, std::int64_t begin, std::int64_t count) const;
  torch::Tensor upload(const data::Indices& rows) const;  ///< int64 on the device
  /// Momentum buffer of the lane, zeroed: allocated once.
  torch::Tensor& momentum();

 private:
  torch::Device device_;
  std::unique_ptr<model::Model> model_;
  std::shared_ptr<const ResidentPool> pool_;
  std::shared_ptr<const model::Layout> layout_;
  torch::Tensor parameters_, gradients_, buffers_, momentum_;
  std::unique_ptr<fused::Program> fused_;
};

}  // namespace afu::compute
