#include "bench/probe.hpp"

#include <torch/types.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

#include "base/threads.hpp"
#include "bench/bench_timing.hpp"
#include "device/stream.hpp"
#include "engine/graph/capture.hpp"

namespace afu::bench {
namespace {

constexpr int kRuns = 7;

/// Median of a few sections of the stream, after one that warms up.
double seconds_of(device::LaneStream& stream, const std::function<void()>& work) {
  std::vector<double> seconds;
  for (int i = -1; i < kRuns; ++i) {
    stream.begin();
    work();
    stream.end();
    if (const double s = stream.seconds(); i >= 0) seconds.push_back(s);
  }
  return median(std::move(seconds));
}

/// Hands `count` empty tasks, one after the other, to a thread that waits for them; mean time until each is
/// known to be done, the median of a few runs.
double handover_seconds() {
  constexpr int kTasks = 2000;
  std::mutex mutex;
  std::condition_variable changed;
  int given = 0, done = 0;
  bool over = false;
  base::JoinedThreads worker;
  worker.start([&] {
    std::unique_lock<std::mutex> lock(mutex);
    for (;;) {
      changed.wait(lock, [&] { return over || done < given; });
      if (over) return;
      ++done;
      changed.notify_all();
    }
  });
  std::vector<double> seconds;
  for (int run = 0; run < kRuns; ++run)
    seconds.push_back(timed([&] {
                        for (int i = 0; i < kTasks; ++i) {
                          std::unique_lock<std::mutex> lock(mutex);
                          ++given;
                          changed.notify_all();
                          changed.wait(lock, [&] { return done == given; });
                        }
                      }).wall /
                      kTasks);
  {
    const std::lock_guard<std::mutex> lock(mutex);
    over = true;
    changed.notify_all();
  }
  worker.join();
  return median(std::move(seconds));
}

}  // namespace

DeviceProbe probe(const std::string& name) {
  static_cast<void>(device::device_info(name));  // throws where there is none
  const torch::Device device(name);
  const bool gpu = !device.is_cpu();
  torch::NoGradGuard no_grad;
  device::prepare_lane_thread();
  device::LaneStream stream(name);
  const device::LaneStream::Current current(stream);
  const auto numbers = torch::dtype(torch::kFloat32).device(device);

  DeviceProbe p;
  {
    const std::int64_t count = (gpu ? 64 : 16) << 20;
    const auto from = torch::ones({count}, numbers);
    auto to = torch::empty_like(from);
    const auto bytes = static_cast<double>(count) * sizeof(float);
    p.copy_bytes_per_second = 2 * bytes / seconds_of(stream, [&] { to.copy_(from); });
    if (gpu) {
      const auto host = torch::ones({count}, torch::kFloat32).pin_memory();
      p.upload_bytes_per_second = bytes / seconds_of(stream, [&] { to.copy_(host, /*non_blocking=*/true); });
    }
  }
  if (gpu) {
    constexpr int kKernels = 1000;
    auto x = torch::zeros({1}, numbers);
    const auto kernels = [&] {
      for (int i = 0; i < kKernels; ++i) x.add_(1);
    };
    p.launch_seconds = seconds_of(stream, kernels) / kKernels;
    if (engine::graph::no_recordings_on(name).empty()) {
      const auto recording = engine::graph::make_capturer(name)->record(kernels);
      p.replay_seconds = seconds_of(stream, [&] { recording->replay(); }) / kKernels;
    }
  } else {
    p.launch_seconds = handover_seconds();
  }
  {
    const std::int64_t n = gpu ? 4096 : 512;
    const auto a = torch::rand({n, n}, numbers), b = torch::rand({n, n}, numbers);
    auto product = torch::empty({n, n}, numbers);
    const auto flops = 2.0 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n);
    p.matmul_flops_per_second = flops / seconds_of(stream, [&] { at::matmul_out(product, a, b); });
  }
  return p;
}

}  // namespace afu::bench
