#pragma once
/// Whether lanes are faster with several clients' training stepped together, found by trying it.
#include <cstdint>
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "model/input_shape.hpp"

namespace afu::bench {

struct BatchProbe {
  std::int64_t clients = 1;  ///< the fastest; 1: one after the other
  struct Rate {
    std::int64_t clients = 1;
    double steps_per_second = 0;  ///< of clients, all lanes together
  };
  std::vector<Rate> rates;  ///< of all that were tried
  double seconds = 0;       ///< that it took
};

/// Times a few steps on random images with `lanes` lanes of `device` (a resolved name): one client after the
/// other by the engine that `section` has, and 4, 16 and 64 together, as far as there are so many for a lane
/// (`most`). Together only where it is a tenth faster. For the calling thread, under the run's NumericsLease.
/// Throws as bench_train does.
BatchProbe probe_batched_clients(const config::ComputeSection& section, const std::string& device,
                                 const config::ModelSection& model, const model::InputShape& shape,
                                 std::int64_t batch_size, int lanes, std::int64_t most);

std::string to_text(const BatchProbe& probe);  ///< a note for the user

}  // namespace afu::bench
