#pragma once
/// How fast lanes train, by each engine that the model allows, against a plain LibTorch loop in the same
/// process.
#include <cstdint>
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "model/input_shape.hpp"

namespace afu::bench {

struct TrainBenchSettings {
  std::string device = "cpu";  ///< a resolved name
  std::int64_t batch_size = 32, steps = 60;
  std::vector<int> lanes{1};
  int repetitions = 5;  ///< of which the median counts
  /// Also so many clients batched into one network (batched_clients.hpp), for each number. None by default.
  std::vector<int> clients{};
  /// Of the rows' engines, beside the plain loop. Empty: all that the device has.
  std::vector<std::string> engines{};
  bool reference = true;  ///< also the plain loop, and what the device could do at most
};

struct TrainBench {
  struct Row {
    /// "fused", "graph", "kernels", "autograd": lanes. "batched K": lanes that step K clients together.
    /// "serial": autograd lanes whose backward passes LibTorch's one thread a GPU takes, one after the other.
    /// "plain": as many threads, each with the plain loop on a stream of its own.
    std::string engine;
    int lanes = 0;
    double images_per_second = 0;      ///< all lanes together; medians of the repetitions, as all that follow
    double images_per_cpu_second = 0;  ///< a lane on a core of its own
    double steps_per_second = 0;
  };
  std::string model, step, engine;  ///< step: what compute.step = "auto" takes, and why; engine: its name
  std::string device;
  std::int64_t parameters = 0, batch_size = 0, steps = 0;
  double flops_per_sample = 0;  ///< forward and backward
  /// Of one core, see bench_timing.hpp; of a whole GPU, see probe.hpp.
  double peak_flops_per_second = 0;
  std::vector<Row> rows;  ///< for each number of lanes, each engine

  /// The most images a second that so many lanes could reach, if all were multiply-adds at their peak.
  double bound(int lanes) const {
    return (device == "cpu" ? lanes : 1) * peak_flops_per_second / flops_per_sample;
  }
  /// 0 where there is no such row.
  double rate(const std::string& engine, int lanes) const;
};

/// Lanes on random images, through execute(TrainJob), momentum 0.9; after prepare_process() and under a
/// NumericsLease. The engines that the device has take turns. Throws std::invalid_argument for counts below 1
/// and as make_model and resolve_devices do.
TrainBench bench_train(const config::ModelSection& section, const model::InputShape& shape,
                       const TrainBenchSettings& settings);

/// A table for the terminal.
std::string to_text(const TrainBench& bench);

}  // namespace afu::bench
