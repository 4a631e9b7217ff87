#pragma once
/// What one lane computes with: device, model replica with flat parameters, the resident data set. One thread
/// at a time.
#include <torch/types.h>

#include <memory>
#include <string>

#include "config/choices.hpp"
#include "data/dataset.hpp"
#include "job/job.hpp"
#include "model/model.hpp"
#include "model/parameters.hpp"

namespace afu::engine {

namespace fused {
class Program;
}
namespace graph {
class Step;
}

/// The pool's images resident on one device as uint8, shared by the lanes of that device.
struct ResidentPool {
  torch::Tensor images;  ///< [N, C, H, W], of volumes [N, C, D, H, W], uint8
  torch::Tensor
      labels;  ///< [N] int64; of images with any number of labels [N, L] uint8, 1 for a label that one has
};
/// Uploads `pool` (no copy on the CPU: the tensors view the pool's memory, which they keep alive; but of sets of labels, a
/// byte each).
std::shared_ptr<const ResidentPool> make_resident(std::shared_ptr<const data::Images> pool,
                                                  torch::Device device);

struct Batch {
  torch::Tensor images;  ///< [B, C, H, W], of volumes [B, C, D, H, W], float32, (x/255 - 0.5)/0.5
  torch::Tensor labels;  ///< [B] int64, or [B, L] uint8: the pool's (engine/task_loss.hpp)
};

/// `pixels` (uint8) as the network reads them: (x/255 - 0.5)/0.5, in one pass on whatever device they are.
torch::Tensor normalised(const torch::Tensor& pixels);

/// A small tensor of the host's as one of `device`, without waiting for the device; the host's may go at
/// once.
torch::Tensor on_device(const torch::Tensor& host, torch::Device device);

class Workspace {
 public:
  /// `step`: which engine takes training steps and evaluates (compute.step, see choose_step); `precision`:
  /// "bf16" has forward passes compute so, "fp32" and "tf32" are up to the process (device/numerics.hpp).
  /// Throws std::invalid_argument where the engine cannot be had.
  Workspace(std::unique_ptr<model::Model> model, std::shared_ptr<const ResidentPool> pool,
            torch::Device device, config::StepEngine step = config::StepEngine::auto_,
            config::Precision precision = config::Precision::fp32);
  ~Workspace();

  torch::Device device() const { return device_; }
  model::Model& net() { return *model_; }
  /// The fused step of the replica, null where autograd is the engine.
  fused::Program* fused() { return fused_.get(); }
  /// The recorded step of local training, null where it is not the engine.
  graph::Step* graph() { return graph_.get(); }
  const std::shared_ptr<const model::Layout>& layout() const { return layout_; }
  const ResidentPool& pool() const { return *pool_; }

  /// Flat views of the replica: writing to them writes the model's parameters, gradients, buffers.
  torch::Tensor& parameters() { return parameters_; }
  torch::Tensor& gradients() { return gradients_; }
  torch::Tensor& buffers() { return buffers_; }

  /// Logits of the replica as it is, without gradients, by the engine that the workspace has.
  torch::Tensor forward(const torch::Tensor& images);

  /// Loads a version: one copy (a second one for buffers), from another device straight to this one.
  void load(const model::ParameterVector& v);
  /// The replica's state minus `base` (buffers: the replica's values), or as it is when `base` is null; a new
  /// vector.
  model::ParametersPtr difference(const model::ParametersPtr& base) const;
  model::ParametersPtr wrap(torch::Tensor values, torch::Tensor buffers) const;
  /// Rows [begin, begin + count) of `order` (an int64 tensor on the device) as a normalised batch.
  Batch gather(const torch::Tensor& order, std::int64_t begin, std::int64_t count) const;
  Batch gather(const torch::Tensor& rows) const;          ///< all of them
  torch::Tensor upload(const data::Indices& rows) const;  ///< int64 on the device
  /// Until the device has done all that this thread gave it; asleep meanwhile.
  void wait() const;
  /// Gives back what memory it can do without until the next job.
  void release_memory();
  /// Momentum buffer of the lane, zeroed: allocated once.
  torch::Tensor& momentum();

 private:
  torch::Device device_;
  std::unique_ptr<model::Model> model_;
  std::shared_ptr<const ResidentPool> pool_;
  std::shared_ptr<const model::Layout> layout_;
  torch::Tensor parameters_, gradients_, buffers_, momentum_;
  std::unique_ptr<fused::Program> fused_;
  std::unique_ptr<graph::Step> graph_;
};

}  // namespace afu::engine
