#pragma once
/// In which order a local training or erasure sees its samples. No tensors: the same on every lane and
/// device.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/random.hpp"
#include "data/dataset.hpp"

namespace afu::train {

/// How many steps that makes: `steps` where it is above 0, else those of `epochs`, whose last batch may be
/// short. All above 0, but `steps`.
std::int64_t count_steps(std::int64_t samples, std::int64_t batch_size, std::int64_t epochs,
                         std::int64_t steps);

/// In which order a job goes through its shards: of the stream (seed, "shard_order", actor, round) of its key.
std::vector<std::size_t> shard_order(const base::StreamKey& key, std::size_t shards);

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

  /// An epoch of the first of `shards`, one of the next, and so on, and then their next epochs in the same order, with a
  /// shuffle each, all from the stream of `key`. None is empty. Throws likewise.
  Schedule(const std::vector<data::IndicesPtr>& shards, std::int64_t batch_size, std::int64_t epochs,
           const base::StreamKey& key);

  std::int64_t steps() const { return steps_; }
  /// The samples of all epochs, one epoch after the other (the last one as far as it is needed).
  const data::Indices& order() const { return order_; }
  /// Position of a step's first sample in `order`, and how many follow from there.
  std::int64_t begin(std::int64_t step) const;
  std::int64_t count(std::int64_t step) const;
  bool starts_epoch(std::int64_t step) const;
  /// Which of the shards the step is of; without shards, 0.
  std::size_t shard(std::int64_t step) const;
  /// Whether the step is of its shard's last epoch.
  bool in_last_epoch(std::int64_t step) const;

 private:
  /// Steps on the same samples: an epoch of a shard, or without shards all.
  struct Part {
    std::int64_t first_step, steps, steps_per_epoch;
    std::int64_t begin, samples;  ///< the position of the first epoch, and an epoch's length
  };

  /// Without an order. Throws as the public ones do.
  Schedule(const data::IndicesPtr& samples, std::int64_t batch_size, std::int64_t epochs, std::int64_t steps);
  std::size_t index_of_part(std::int64_t step) const;
  const Part& part_of(std::int64_t step) const { return parts_[index_of_part(step)]; }
  /// Appends shuffled epochs of `samples` until the order is `total` long.
  void shuffle_until(std::int64_t total, const data::Indices& samples, base::Stream& stream);

  std::int64_t total_ = 0;  ///< samples of all steps
  std::int64_t batch_size_, steps_ = 0;
  std::vector<Part> parts_;
  std::size_t shards_ = 1;
  data::Indices order_;
};

}  // namespace afu::train
