#pragma once
/// How fast versions are merged on a lane, against a plain copy of as many bytes.
#include <cstdint>
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "model/input_shape.hpp"

namespace afu::bench {

struct AggregateBench {
  struct Row {
    int updates = 0;               ///< merged into one version
    double seconds = 0;            ///< of a merge, median of the repetitions
    double bytes_per_second = 0;   ///< every operand read once, the result written once
    double copy_bytes_per_second;  ///< of a copy between tensors that exist, in turn with the merges
    double ratio() const { return bytes_per_second / copy_bytes_per_second; }
  };
  std::string model, device;
  std::int64_t parameters = 0;
  std::vector<Row> rows;
};

/// CombineJobs of start + sum of coefficient * update for 1, 2, 5, 10 and 20 updates; after
/// prepare_process(). On the CPU each goes through execute() and is charged its CPU time; on a GPU the
/// device's own time is taken of many that are queued one behind the other, and of as many copies. Throws
/// std::invalid_argument for fewer than 1 repetitions, and as make_model and resolve_devices do.
AggregateBench bench_aggregate(const config::ModelSection& section, const model::InputShape& shape,
                               const std::string& device, int repetitions);

std::string to_text(const AggregateBench& bench);

}  // namespace afu::bench
