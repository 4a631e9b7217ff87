#include "compute/bench.hpp"

#include <fmt/format.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <thread>

#include "compute/devices.hpp"
#include "compute/kernels.hpp"
#include "compute/workspace.hpp"
#include "model/footprint.hpp"
#include "train/schedule.hpp"

namespace afu::compute {
namespace {

using Clock = std::chrono::steady_clock;

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  const auto n = v.size();
  return n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/// Runs warm_up(i) and then work(i) in thread i; the wall time of all work together. The first error of a
/// thread is thrown here.
double timed(int threads, const std::function<void(int)>& warm_up, const std::function<void(int)>& work) {
  std::mutex mutex;
  std::condition_variable changed;
  int ready = 0;
  bool go = false;
  std::exception_ptr failure;
  std::vector<std::thread> pool;
  for (int i = 0; i < threads; ++i)
    pool.emplace_back([&, i] {
      const auto guarded = [&](const std::function<void(int)>& f) {
        try {
          f(i);
        } catch (...) {
          std::lock_guard<std::mutex> lock(mutex);
          if (!failure) failure = std::current_exception();
        }
      };
      prepare_lane_thread();
      guarded(warm_up);
      {
        std::unique_lock<std::mutex> lock(mutex);
        ++ready;
        changed.notify_all();
        changed.wait(lock, [&] { return go; });
      }
      guarded(work);
    });
  Clock::time_point began;
  {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return ready == threads; });
    began = Clock::now();
    go = true;
    changed.notify_all();
  }
  for (auto& t : pool) t.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  if (failure) std::rethrow_exception(failure);
  return seconds;
}

double matrix_flops_per_second() {
  constexpr std::int64_t kSize = 768;
  const auto a = torch::ones({kSize, kSize}), b = torch::ones({kSize, kSize});
  auto c = torch::empty({kSize, kSize});
  std::vector<double> rates;
  timed(
      1, [&](int) { at::mm_out(c, a, b); },
      [&](int) {
        for (int i = 0; i < 9; ++i) {
          const auto began = Clock::now();
          at::mm_out(c, a, b);
          const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
          rates.push_back(2.0 * kSize * kSize * kSize / seconds);
        }
      });
  return median(rates);
}

std::shared_ptr<data::Images> random_images(const model::InputShape& shape, std::int64_t count) {
  auto images = std::make_shared<data::Images>();
  images->channels = shape.channels;
  images->height = shape.height;
  images->width = shape.width;
  sim::Stream stream({1, sim::purpose("bench.images"), 0, 0});
  images->pixels.resize(static_cast<std::size_t>(count * images->image_bytes()));
  for (auto& p : images->pixels) p = static_cast<std::uint8_t>(stream.next_u32());
  for (std::int64_t i = 0; i < count; ++i)
    images->labels.push_back(
        static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(shape.classes))));
  return images;
}

void run_lane(Workspace& workspace, const TrainJob& job) {
  const auto result = execute(workspace, job);
  if (!result.error.empty()) throw std::runtime_error(result.error);
}

}  // namespace

void train_plainly(model::Model& model, const torch::Tensor& images, const torch::Tensor& labels,
                   const TrainJob& job) {
  const train::Schedule schedule(job.samples, job.batch_size, job.epochs, job.steps, job.key);
  const auto order = torch::tensor(schedule.order(), torch::kInt64);
  std::vector<torch::Tensor> parameters;
  for (auto& [name, p] : model.named_parameters()) parameters.push_back(p.set_requires_grad(true));
  torch::optim::SGD optimizer(
      parameters,
      torch::optim::SGDOptions(job.sgd.lr).momentum(job.sgd.momentum).weight_decay(job.sgd.weight_decay));
  model.train(true);
  for (std::int64_t step = 0; step < schedule.steps(); ++step) {
    const auto rows = order.narrow(0, schedule.begin(step), schedule.count(step));
    optimizer.zero_grad();
    at::cross_entropy_loss(model.forward(images.index_select(0, rows)), labels.index_select(0, rows))
        .backward();
    optimizer.step();
  }
}

TrainBench bench_train(const config::ModelSection& section, const model::InputShape& shape,
                       std::int64_t batch_size, std::int64_t steps, int lanes, int repetitions) {
  if (batch_size < 1 || steps < 1 || lanes < 1 || repetitions < 1)
    throw std::invalid_argument(
        fmt::format("bench: batch size {}, steps {}, lanes {} and repetitions {} must be 1 or more",
                    batch_size, steps, lanes, repetitions));
  const std::int64_t count = std::max<std::int64_t>(512, batch_size);
  const auto resident = make_resident(random_images(shape, count), torch::kCPU);
  const auto images = resident->images.to(torch::kFloat32).div_(255).sub_(0.5).div_(0.5);
  std::vector<std::unique_ptr<Workspace>> workspaces;
  std::vector<std::unique_ptr<model::Model>> plain;
  TrainJob job;
  for (int i = 0; i < lanes; ++i) {
    workspaces.push_back(
        std::make_unique<Workspace>(model::make_model(section, shape), resident, torch::kCPU));
    plain.push_back(model::make_model(section, shape));
    auto& w = *workspaces.back();
    if (!job.base)
      job.base = model::initial_parameters(w.net(), w.layout(), {1, sim::purpose("bench.model"), 0, 0});
    auto tensors = plain.back()->named_parameters();
    for (std::size_t k = 0; k < tensors.size(); ++k) {
      const auto& slot = w.layout()->parameters[k];
      torch::NoGradGuard no_grad;
      tensors[k].second.copy_(job.base->values.narrow(0, slot.offset, slot.size).view(slot.shape));
    }
  }
  data::Indices rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), std::int64_t{0});
  job.samples = std::make_shared<const data::Indices>(std::move(rows));
  job.sgd.lr = 1e-3;  // labels are noise: a small step keeps every number tame
  job.sgd.momentum = 0.9;
  job.batch_size = batch_size;
  job.steps = steps;
  auto warm_up = job;
  warm_up.steps = 2;

  TrainBench bench;
  bench.model = section.name;
  bench.parameters = workspaces.front()->layout()->parameter_count;
  bench.batch_size = batch_size;
  bench.steps = steps;
  bench.flops_per_sample = model::flops_per_sample(section, shape);
  bench.matrix_flops_per_second = matrix_flops_per_second();
  for (int n = 1; n <= lanes; ++n) {
    std::vector<double> lane_rates, plain_rates;
    const double total = static_cast<double>(n) * static_cast<double>(batch_size * steps);
    const auto lane = [&] {
      lane_rates.push_back(total / timed(
                                       n, [&](int i) { run_lane(*workspaces[i], warm_up); },
                                       [&](int i) { run_lane(*workspaces[i], job); }));
    };
    const auto loop = [&] {
      plain_rates.push_back(
          total / timed(
                      n, [&](int i) { train_plainly(*plain[i], images, resident->labels, warm_up); },
                      [&](int i) { train_plainly(*plain[i], images, resident->labels, job); }));
    };
    for (int r = 0; r < repetitions; ++r) {  // who goes first alternates, against drift
      if (r % 2 == 0)
        lane(), loop();
      else
        loop(), lane();
    }
    bench.rows.push_back({n, median(lane_rates), median(plain_rates)});
  }
  return bench;
}

std::string to_text(const TrainBench& bench) {
  auto text = fmt::format(
      "{}: {} parameters, batch {}, {} steps, {:.1f} MFLOP a sample; one thread's matrix product {:.1f} "
      "GFLOP/s\n{:>5} {:>14} {:>15} {:>7} {:>9} {:>14}\n",
      bench.model, bench.parameters, bench.batch_size, bench.steps, bench.flops_per_sample * 1e-6,
      bench.matrix_flops_per_second * 1e-9, "lanes", "lane images/s", "plain images/s", "ratio", "speed-up",
      "bound images/s");
  for (const auto& r : bench.rows)
    text += fmt::format(
        "{:>5} {:>14.1f} {:>15.1f} {:>7.3f} {:>9.2f} {:>14.1f}\n", r.lanes, r.lane_images_per_second,
        r.plain_images_per_second, r.lane_images_per_second / r.plain_images_per_second,
        r.lane_images_per_second / bench.rows.front().lane_images_per_second, bench.bound(r.lanes));
  return text;
}

}  // namespace afu::compute
