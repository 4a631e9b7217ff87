#pragma once
/// How fast lanes train, against a plain LibTorch loop in the same process.
#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "compute/job.hpp"
#include "config/scenario.hpp"
#include "model/model.hpp"

namespace afu::compute {

struct TrainBench {
  struct Row {
    int lanes = 0;
    double lane_images_per_second = 0;   ///< all lanes together, median of the repetitions
    double plain_images_per_second = 0;  ///< as many threads, each with the plain loop
  };
  std::string model;
  std::int64_t parameters = 0, batch_size = 0, steps = 0;
  double flops_per_sample = 0;         ///< forward and backward
  double matrix_flops_per_second = 0;  ///< of one thread's matrix product: what one lane could reach at best
  std::vector<Row> rows;               ///< 1, 2, ..., lanes

  /// The most images a second that so many lanes could reach, if all were matrix products.
  double bound(int lanes) const { return lanes * matrix_flops_per_second / flops_per_sample; }
};

/// CPU lanes on random images, through execute(TrainJob), momentum 0.9; after prepare_process(). Lanes and
/// plain loop take turns. Throws std::invalid_argument for counts below 1 and as make_model does.
TrainBench bench_train(const config::ModelSection& section, const model::InputShape& shape,
                       std::int64_t batch_size, std::int64_t steps, int lanes, int repetitions = 5);

/// A table for the terminal.
std::string to_text(const TrainBench& bench);

/// The plain loop: the model's own tensors (no flat views), float images index-selected a batch,
/// torch::optim::SGD. Trains `model` in place on the samples, in the order and with the settings of `job`;
/// clipping and FedProx are not done. Both implementations must end at the same parameters: a test holds them
/// to it.
void train_plainly(model::Model& model, const torch::Tensor& images, const torch::Tensor& labels,
                   const TrainJob& job);

}  // namespace afu::compute
