#include "bench/bench_train.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <stdexcept>

#include "bench/bench_timing.hpp"
#include "bench/plain_loop.hpp"
#include "bench/probe.hpp"
#include "config/sections/model.hpp"
#include "device/devices.hpp"
#include "device/stream.hpp"
#include "engine/batched_clients.hpp"
#include "engine/execute.hpp"
#include "engine/graph/step.hpp"
#include "engine/step_engine.hpp"
#include "engine/workspace.hpp"
#include "model/footprint.hpp"
#include "train/train_job.hpp"

namespace afu::bench {
namespace {

void run_lane(engine::Workspace& workspace, const train::TrainJob& job) {
  const auto result = engine::execute(workspace, job);
  if (!result.error.empty()) throw std::runtime_error(result.error);
  if (const auto* graph = workspace.graph(); graph && !graph->failure().empty())
    throw std::runtime_error("the step could not be recorded: " + graph->failure());
}

/// One way to train, with a replica for each lane.
struct Contender {
  std::string engine;
  std::function<void(int lane, const train::TrainJob& job)> train;
  std::vector<double> rates{}, cpu_rates{};
};

using Streams = std::vector<std::unique_ptr<device::LaneStream>>;

std::shared_ptr<Streams> streams_on(torch::Device device, int lanes) {
  auto streams = std::make_shared<Streams>();
  for (int i = 0; i < lanes; ++i) streams->push_back(std::make_unique<device::LaneStream>(device.str()));
  return streams;
}

/// `step`: of the workspaces; `own_backward`: see prepare_lane_thread.
Contender lanes_of(const std::string& engine, const config::ModelSection& section,
                   const model::InputShape& shape, const std::shared_ptr<const engine::ResidentPool>& pool,
                   int lanes, config::StepEngine step, bool own_backward) {
  const auto device = pool->images.device();
  const auto streams = streams_on(device, lanes);
  auto workspaces = std::make_shared<std::vector<std::unique_ptr<engine::Workspace>>>();
  for (int i = 0; i < lanes; ++i) {
    const device::LaneStream::Current current(*streams->at(i));
    workspaces->push_back(
        std::make_unique<engine::Workspace>(model::make_model(section, shape), pool, device, step));
    if (auto* graph = workspaces->back()->graph()) graph->record_at_once();
  }
  return {engine, [streams, workspaces, own_backward](int i, const train::TrainJob& job) {
            device::prepare_lane_thread(own_backward);
            const device::LaneStream::Current current(*streams->at(i));
            run_lane(*workspaces->at(i), job);
          }};
}

Contender plain_loops(const config::ModelSection& section, const model::InputShape& shape,
                      const engine::ResidentPool& pool, const model::ParameterVector& start, int lanes) {
  const auto device = pool.images.device();
  const auto streams = streams_on(device, lanes);
  auto models = std::make_shared<std::vector<std::unique_ptr<model::Model>>>();
  for (int i = 0; i < lanes; ++i) {
    const device::LaneStream::Current current(*streams->at(i));
    models->push_back(model::make_model(section, shape));
    models->back()->to(device);
    auto tensors = models->back()->named_parameters();
    torch::NoGradGuard no_grad;
    for (std::size_t k = 0; k < tensors.size(); ++k) {
      const auto& slot = start.layout->parameters[k];
      tensors[k].second.copy_(start.values.narrow(0, slot.offset, slot.size).view(slot.shape));
    }
    device::wait_for_queue(device.str());
  }
  const auto images = pool.images.to(torch::kFloat32).div_(255).sub_(0.5).div_(0.5);
  device::wait_for_queue(device.str());
  return {"plain", [streams, models, images, labels = pool.labels](int i, const train::TrainJob& job) {
            device::prepare_lane_thread(/*own_backward=*/false);
            const device::LaneStream::Current current(*streams->at(i));
            train_plainly(*models->at(i), images, labels, job);
            device::wait_for_queue(images.device().str());
          }};
}

/// Lanes that each step `clients` together, on as many images altogether. Images are converted beforehand, as
/// for the plain loop; the clients train on from where they are.
Contender batched_lanes(int clients, const config::ModelSection& section, const model::InputShape& shape,
                        const engine::ResidentPool& pool, const model::ParameterVector& start, int lanes) {
  const auto device = pool.images.device();
  const auto streams = streams_on(device, lanes);
  const auto net = model::make_model(section, shape);
  const auto* network = dynamic_cast<const model::Network*>(net.get());
  if (!network)
    throw std::invalid_argument("bench: " + config::name_of(section.name) +
                                " cannot be batched over clients");
  auto batches = std::make_shared<std::vector<engine::BatchedClients>>();
  for (int i = 0; i < lanes; ++i) {
    const device::LaneStream::Current current(*streams->at(i));
    batches->emplace_back(*network, start.layout, clients, device);
    batches->back().load(start.values.to(device).expand({clients, -1}));
  }
  const auto images = engine::normalised(pool.images);
  device::wait_for_queue(device.str());
  return {
      fmt::format("batched {}", clients),
      [streams, batches, images, labels = pool.labels, clients](int i, const train::TrainJob& job) {
        device::prepare_lane_thread(/*own_backward=*/true);
        const device::LaneStream::Current current(*streams->at(i));
        const auto shape_of = [&](const torch::Tensor& t) {
          auto sizes = t.sizes().vec();
          sizes[0] = job.batch_size;
          sizes.insert(sizes.begin(), clients);
          return sizes;
        };
        const auto count = clients * job.batch_size;
        const auto order = torch::tensor(*job.samples, torch::kInt64).to(images.device());
        for (std::int64_t step = 0; step * clients < job.steps; ++step) {
          const auto rows = order.narrow(0, step * count % (order.numel() - count + 1), count);
          const auto x = images.index_select(0, rows), y = labels.index_select(0, rows);
          batches->at(static_cast<std::size_t>(i)).step(x.view(shape_of(x)), y.view(shape_of(y)), job.sgd);
        }
        device::wait_for_queue(images.device().str());
      }};
}

}  // namespace

double TrainBench::rate(const std::string& engine, int lanes) const {
  for (const auto& r : rows)
    if (r.engine == engine && r.lanes == lanes) return r.images_per_second;
  return 0;
}

TrainBench bench_train(const config::ModelSection& section, const model::InputShape& shape,
                       const TrainBenchSettings& settings) {
  const auto& [device_name, batch_size, steps, lanes, repetitions, clients, engines, reference] = settings;
  if (batch_size < 1 || steps < 1 || lanes.empty() || *std::min_element(lanes.begin(), lanes.end()) < 1 ||
      repetitions < 1)
    throw std::invalid_argument(
        fmt::format("bench: batch size {}, steps {}, lanes [{}] and repetitions {} must be 1 or more",
                    batch_size, steps, fmt::join(lanes, ", "), repetitions));
  for (const int k : clients)
    if (k < 1 || steps % k != 0)
      throw std::invalid_argument(fmt::format("bench: {} steps are not a multiple of {} clients", steps, k));
  const torch::Device device(device::device_info(device_name).name);
  const int most = *std::max_element(lanes.begin(), lanes.end());
  std::int64_t count = std::max<std::int64_t>(512, batch_size);
  for (const int k : clients) count = std::max(count, k * batch_size);
  const auto pool = engine::make_resident(
      random_images(shape.channels, shape.height, shape.classes, count, shape.depth), device);
  auto net = model::make_model(section, shape);
  const auto layout = model::make_layout(*net);
  train::TrainJob job;
  job.base = model::initial_parameters(*net, layout, {1, base::purpose("bench.model"), 0, 0});
  data::Indices rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), std::int64_t{0});
  job.samples = std::make_shared<const data::Indices>(std::move(rows));
  job.sgd.lr = 1e-3;  // labels are noise: a small step keeps every number tame
  job.sgd.momentum = 0.9;
  job.batch_size = batch_size;
  job.steps = steps;
  auto warm_up = job;
  if (device.is_cpu()) warm_up.steps = 2;  // on a GPU all, so that everything is recorded

  TrainBench bench;
  bench.model = config::name_of(section.name);
  bench.parameters = layout->parameter_count;
  bench.batch_size = batch_size;
  bench.steps = steps;
  bench.flops_per_sample = model::flops_per_sample(section, shape);
  bench.device = device_name;
  if (reference)
    bench.peak_flops_per_second =
        device.is_cpu() ? peak_flops_per_second() : probe(device_name).matmul_flops_per_second;
  const auto choice = engine::choose_step(*net, *layout, device, config::StepEngine::auto_);
  bench.step = choice.reason;
  bench.engine = choice.engine();
  std::vector<Contender> contenders;
  const auto add_lanes = [&](const char* engine, config::StepEngine step, bool own_backward) {
    contenders.push_back(lanes_of(engine, section, shape, pool, most, step, own_backward));
  };
  const auto has_kernels = [&] {
    try {
      return engine::choose_step(*net, *layout, device, config::StepEngine::kernels).by_hand;
    } catch (const std::invalid_argument&) {
      return false;
    }
  };
  const auto wanted = [&](const std::string& engine) {
    return engines.empty() || std::find(engines.begin(), engines.end(), engine) != engines.end();
  };
  if (choice.plan && wanted("fused")) add_lanes("fused", config::StepEngine::fused, true);
  if (choice.recorded && wanted("graph")) add_lanes("graph", config::StepEngine::graph, true);
  if (choice.recorded && wanted("kernels") && has_kernels())
    add_lanes("kernels", config::StepEngine::kernels, true);
  if (wanted("autograd")) add_lanes("autograd", config::StepEngine::autograd, true);
  if (!device.is_cpu() && wanted("serial")) add_lanes("serial", config::StepEngine::autograd, false);
  if (contenders.size() < engines.size())
    throw std::invalid_argument(fmt::format("bench: not all of the engines [{}] are there for {} on {}",
                                            fmt::join(engines, ", "), bench.model, bench.device));
  for (const int k : clients) contenders.push_back(batched_lanes(k, section, shape, *pool, *job.base, most));
  if (reference) contenders.push_back(plain_loops(section, shape, *pool, *job.base, most));
  for (const int n : lanes) {
    const double total = static_cast<double>(n) * static_cast<double>(batch_size * steps);  // images
    for (int r = 0; r < repetitions; ++r) {
      for (auto& c : contenders) {
        const auto seconds = timed(
            n, [&](int i) { c.train(i, warm_up); }, [&](int i) { c.train(i, job); });
        c.rates.push_back(total / seconds.wall);
        c.cpu_rates.push_back(total / seconds.cpu);
      }
      std::reverse(contenders.begin(), contenders.end());  // who goes first alternates, against drift
    }
    if (repetitions % 2 == 1) std::reverse(contenders.begin(), contenders.end());
    for (auto& c : contenders) {
      const double rate = median(c.rates);
      bench.rows.push_back({c.engine, n, rate, median(c.cpu_rates), rate / static_cast<double>(batch_size)});
      c.rates.clear();
      c.cpu_rates.clear();
    }
  }
  return bench;
}

std::string to_text(const TrainBench& bench) {
  auto text = fmt::format(
      "{}: {} parameters, batch {}, {} steps, {:.1f} MFLOP a sample; {} {:.1f} GFLOP/s\n"
      "compute.step = \"auto\" takes: {}\n{:>5} {:>9} {:>10} {:>10} {:>17} {:>10} {:>9} {:>15}\n",
      bench.model, bench.parameters, bench.batch_size, bench.steps, bench.flops_per_sample * 1e-6,
      bench.device == "cpu" ? "one core's multiply-adds" : "the GPU's fp32 products",
      bench.peak_flops_per_second * 1e-9, bench.step, "lanes", "engine", "images/s", "steps/s",
      "images/CPU second", "to plain", "speed-up", "bound images/s");
  for (const auto& r : bench.rows)
    text += fmt::format("{:>5} {:>9} {:>10.1f} {:>10.1f} {:>17.1f} {:>10.2f} {:>9.2f} {:>15.1f}\n", r.lanes,
                        r.engine, r.images_per_second, r.steps_per_second, r.images_per_cpu_second,
                        r.images_per_second / bench.rate("plain", r.lanes),
                        r.images_per_second / bench.rate(r.engine, bench.rows.front().lanes),
                        bench.bound(r.lanes));
  return text;
}

}  // namespace afu::bench
