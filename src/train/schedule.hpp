#pragma once
/// In which order a local training or erasure sees its samples. No tensors: the same on every lane and
/// device.
#include <cstdint>
#include <vector>

#include "base/random.hpp"
#include "data/dataset.hpp"

namespace afu::train {

/// How many steps that makes: `steps` where it is above 0, else those of `epochs`, whose last batch may be
/// short. All above 0, but `steps`.
std::int64_t count_steps(std::int64_t samples, std::int64_t batch_size, std::int64_t epochs,
                         std::int64_t steps);

/// Batches of shuffled epochs, or of classes drawn anew for every sample; the last batch of an epoch may be short.
class Schedule {
 public:
  /// A fresh Fisher-Yates shuffle an epoch, all from the stream of `key`. `steps` > 0 overrides `epochs`.
  /// Throws std::invalid_argument for an empty or null sample list, a batch size below 1, or nothing to do.
  Schedule(const data::IndicesPtr& samples, std::int64_t batch_size, std::int64_t epochs, std::int64_t steps,
           const base::StreamKey& key);

  /// Balanced: as many batches of the same lengths, where each sample is of any class among `labels`, those of `samples`
  /// in their order, with the same probability; a class goes through its samples in shuffled order, and again when they
  /// are used up. All from the stream of `key`. Throws likewise, and for another number of labels.
  Schedule(const data::IndicesPtr& samples, std::int64_t batch_size, std::int64_t epochs, std::int64_t steps,
           const base::StreamKey& key, const std::vector<std::int64_t>& labels);

  std::int64_t steps() const { return steps_; }
  /// The samples of all epochs, one epoch after the other (the last one as far as it is needed).
  const data::Indices& order() const { return order_; }
  /// Position of a step's first sample in `order`, and how many follow from there.
  std::int64_t begin(std::int64_t step) const;
  std::int64_t count(std::int64_t step) const;
  bool starts_epoch(std::int64_t step) const { return step % steps_per_epoch_ == 0; }

 private:
  Schedule(const data::IndicesPtr& samples, std::int64_t batch_size, std::int64_t epochs, std::int64_t steps);

  std::int64_t total_;  ///< samples of all steps
  std::int64_t samples_, batch_size_, steps_per_epoch_, steps_;
  data::Indices order_;
};

}  // namespace afu::train
