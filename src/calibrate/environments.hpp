#pragma once
/// The calibration set as batches.
#include <cstdint>
#include <vector>

#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::calibrate {

/// Some whole environments, next to each other in one batch.
struct Chunk {
  engine::Batch batch;
  std::vector<std::int64_t> sizes;
  bool clean = true;                 ///< the images as they are, no intervention
  torch::Tensor before{}, erased{};  ///< the teachers' log probabilities; undefined: not asked for
  torch::Tensor triggered{};         ///< the images with the oracle's trigger, which are always the same
  torch::Tensor mixed{};             ///< mixtures of the images, one for each
  torch::Tensor
      anchored{};  ///< where the erased model has both along the directions of the features, [rows, 2 r]
  std::int64_t rows() const { return batch.labels.size(0); }
};

struct Environments {
  std::vector<Chunk> chunks;
  std::int64_t count = 0;     ///< environments
  std::int64_t samples = 0;   ///< clean rows
  std::size_t clean() const;  ///< chunks that are clean: the first ones
};

/// One environment a set; empty and null ones are left out. They are taken through the network together up to
/// 512 rows: the gradient is still that of the whole set, the memory is bounded. Throws std::invalid_argument
/// where nothing is left.
Environments gather_environments(engine::Workspace& workspace, const std::vector<data::IndicesPtr>& sets);

/// Adds to each environment one for each of three interventions on its images, drawn from `key`: a random
/// patch, another intensity, a blur (src/calibrate/README.md, Environments).
void intervene(Environments& all, const base::StreamKey& key);

/// The clean environments under harmless augmentations, another intensity and a blur, in place of themselves:
/// two environments a client, none of them clean.
Environments augmented(const Environments& all, const base::StreamKey& key);

/// Deals out minibatches: each has its share of every environment, so that the environments' mean stays what
/// it is over the whole set, and of an environment all samples come up before one comes again. Where there
/// are interventions the same samples come under each.
class Batches {
 public:
  /// `size`: of the clean rows; each environment gives `least` at least (data::environment_shares).
  Batches(const Environments& all, std::int64_t size, std::int64_t least, const base::StreamKey& key);
  Environments next();

 private:
  struct Deck {
    std::size_t chunk;                  ///< the clean one that it is in
    std::int64_t begin, size, share;    ///< where in the chunk
    std::vector<std::int64_t> order{};  ///< of its rows, shuffled anew when it is used up
    std::size_t at = 0;
    base::Stream stream;
  };
  const Environments& all_;
  std::vector<Deck> decks_;
};

}  // namespace afu::calibrate
