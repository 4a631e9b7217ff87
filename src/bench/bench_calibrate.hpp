#pragma once
/// How fast a lane takes calibration steps, with each invariance arm, against what the operations and the
/// bytes alone would take.
#include <cstdint>
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "model/input_shape.hpp"

namespace afu::bench {

struct CalibrateBench {
  struct Row {
    std::string arm;
    double steps_per_second = 0;  ///< on the CPU a CPU second; median of the repetitions
    double passes = 0;            ///< forward passes of an image a step, by the images of a step
    double floor_seconds = 0;     ///< of a step
    /// How much of a step the floor explains.
    double floor_share() const { return floor_seconds * steps_per_second; }
  };
  std::string model, device;
  std::int64_t parameters = 0, images = 0, environments = 0, steps = 0;
  double flops_per_sample = 0;       ///< forward and backward
  double peak_flops_per_second = 0;  ///< of one core (bench_timing.hpp) or of the GPU (probe.hpp)
  /// Reads and writes: a parameter vector onto another, or the GPU's (probe.hpp).
  double copy_bytes_per_second = 0;
  std::vector<Row> rows;  ///< one an arm
};

/// Jobs of kernel "calibrate" with the defaults of [calibration], through execute(), on random images in so
/// many environments; after prepare_process(). A job is charged whole, with what it does once (teacher,
/// figures), which many steps dilute. The floor of a step: forward and backward of its images
/// (passes_per_sample times each) at the peak rate, and the optimiser's bytes (parameters, gradient and
/// momentum read, parameters and momentum written) at a copy's rate. Throws std::invalid_argument for counts
/// below 1, and as make_model and resolve_devices do.
CalibrateBench bench_calibrate(const config::ModelSection& section, const model::InputShape& shape,
                               std::int64_t environments, std::int64_t images_each, std::int64_t steps,
                               const std::string& device, int repetitions);

/// A table for the terminal.
std::string to_text(const CalibrateBench& bench);

}  // namespace afu::bench
