#include "bench/bench_timing.hpp"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>

#include "base/random.hpp"
#include "base/threads.hpp"
#include "config/sections/scenario.hpp"
#include "device/cpu/kernels.hpp"
#include "device/devices.hpp"

namespace afu::bench {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point began) { return std::chrono::duration<double>(Clock::now() - began).count(); }

double thread_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  const auto n = v.size();
  return n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

Seconds timed(const std::function<void()>& work) {
  const auto began = Clock::now();
  const double cpu = thread_seconds();
  work();
  return {since(began), thread_seconds() - cpu};
}

Seconds timed(int threads, const std::function<void(int)>& warm_up, const std::function<void(int)>& work) {
  std::mutex mutex;
  std::condition_variable changed;
  int ready = 0;
  bool go = false;
  double cpu = 0;
  std::exception_ptr failure;
  base::JoinedThreads pool;
  const auto run = [&](int i) {
    const auto guarded = [&](const std::function<void(int)>& f) {
      try {
        f(i);
      } catch (...) {
        std::lock_guard<std::mutex> lock(mutex);
        if (!failure) failure = std::current_exception();
      }
    };
    device::prepare_lane_thread();
    guarded(warm_up);
    {
      std::unique_lock<std::mutex> lock(mutex);
      ++ready;
      changed.notify_all();
      changed.wait(lock, [&] { return go; });
      if (failure) return;
    }
    const double began = thread_seconds();
    guarded(work);
    std::lock_guard<std::mutex> lock(mutex);
    cpu += thread_seconds() - began;
  };
  try {
    for (int i = 0; i < threads; ++i) pool.start([&run, i] { run(i); });
  } catch (const base::ThreadError&) {  // those that wait for it go on to their end
    const std::lock_guard<std::mutex> lock(mutex);
    failure = std::current_exception();
    go = true;
    changed.notify_all();
  }
  Clock::time_point began;
  {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return ready == threads || failure; });
    began = Clock::now();
    go = true;
    changed.notify_all();
  }
  pool.join();
  const double wall = since(began);
  if (failure) std::rethrow_exception(failure);
  return {wall, cpu};
}

double peak_flops_per_second() {
  constexpr std::int64_t kRounds = 200'000;
  std::vector<double> rates;
  double flops = device::cpu::kernels().multiply_add(kRounds);  // warms up
  for (int i = 0; i < 9; ++i)
    rates.push_back(flops / timed([&] { flops = device::cpu::kernels().multiply_add(kRounds); }).cpu);
  return median(rates);
}

std::shared_ptr<data::Images> random_images(std::int64_t channels, std::int64_t side, std::int64_t classes,
                                            std::int64_t count, std::int64_t depth) {
  auto images = std::make_shared<data::Images>();
  images->channels = channels;
  images->depth = depth;
  images->height = images->width = side;
  base::Stream stream({1, base::purpose("bench.images"), 0, 0});
  images->pixels.resize(static_cast<std::size_t>(count * images->image_bytes()));
  for (auto& p : images->pixels) p = static_cast<std::uint8_t>(stream.next_u32());
  for (std::int64_t i = 0; i < count; ++i)
    images->labels.push_back(static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(classes))));
  return images;
}

}  // namespace afu::bench
