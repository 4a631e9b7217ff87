#pragma once
/// Mean loss of an epoch's samples, kept on the device: reading it is the only synchronisation.
#include <torch/types.h>

#include <cstdint>

namespace afu::train {

class EpochMean {
 public:
  explicit EpochMean(const torch::Tensor& like) : sum_(torch::zeros({}, like.options())) {}
  void start_epoch() {
    sum_.zero_();
    count_ = 0;
  }
  /// `loss`: a batch's mean over `count` samples, detached.
  void add(const torch::Tensor& loss, std::int64_t count) {
    sum_.add_(loss, static_cast<double>(count));
    count_ += count;
  }
  double value() const { return sum_.item<double>() / static_cast<double>(count_); }

 private:
  torch::Tensor sum_;
  std::int64_t count_ = 0;
};

}  // namespace afu::train
