#pragma once
/// How benches measure. No torch in this header.
#include <functional>
#include <memory>
#include <vector>

#include "data/dataset.hpp"

namespace afu::bench {

double median(std::vector<double> v);  ///< not empty

struct Seconds {
  double wall = 0;
  double cpu = 0;  ///< of all threads together: what other processes on the machine disturb least
};

/// Runs warm_up(i) and then work(i) in thread i of `threads`, each prepared as a lane's; how long all work
/// took together, warm-up apart. The first error of a thread is thrown here.
Seconds timed(int threads, const std::function<void(int)>& warm_up, const std::function<void(int)>& work);

/// The same in the calling thread.
Seconds timed(const std::function<void()>& work);

/// What one thread's arithmetic units can do at most, in multiply-adds whose operands are in registers;
/// FLOP per CPU second, the median of a few short runs.
double peak_flops_per_second();

/// Noise with random labels; more than one slice: volumes.
std::shared_ptr<data::Images> random_images(std::int64_t channels, std::int64_t side, std::int64_t classes,
                                            std::int64_t count, std::int64_t depth = 1);

}  // namespace afu::bench
