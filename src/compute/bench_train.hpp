#pragma once
/// How fast lanes train, by each engine that the model allows, against a plain LibTorch loop in the same
/// process.
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
    std::string engine;  ///< "fused", "autograd": lanes; "plain": as many threads, each with the plain loop
    int lanes = 0;
    double images_per_second = 0;      ///< all lanes together; medians of the repetitions, as all that follow
    double images_per_cpu_second = 0;  ///< a lane on a core of its own
    double steps_per_second = 0;
  };
  std::string model, step;  ///< step: what compute.step = "auto" takes, and why
  std::int64_t parameters = 0, batch_size = 0, steps = 0;
  double flops_per_sample = 0;       ///< forward and backward
  double peak_flops_per_second = 0;  ///< of one core, see bench_timing.hpp
  std::vector<Row> rows;             ///< for 1, 2, ... lanes, each engine

  /// The most images a second that so many lanes could reach, if all were multiply-adds in registers.
  double bound(int lanes) const { return lanes * peak_flops_per_second / flops_per_sample; }
  /// 0 where there is no such row.
  double rate(const std::string& engine, int lanes) const;
};

/// CPU lanes on random images, through execute(TrainJob), momentum 0.9; after prepare_process(). The engines
/// take turns. Throws std::invalid_argument for counts below 1 and as make_model does.
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
