#include "train/batched_training.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "model/network.hpp"
#include "train/local_training.hpp"
#include "train/schedule.hpp"
#include "train/together.hpp"
#include "train/train_job.hpp"

namespace afu::train {
namespace {

/// What all steps read, made on the host at once: slots that have no sample read row 0 and weigh nothing.
struct Plan {
  torch::Tensor rows;     ///< [steps, clients * batch] int64
  torch::Tensor weights;  ///< [steps, clients, batch]: 1 / the client's samples in that step
};

Plan plan(const std::vector<Schedule>& schedules, std::int64_t clients, std::int64_t steps,
          std::int64_t batch) {
  Plan p{torch::zeros({steps, clients * batch}, torch::kInt64), torch::zeros({steps, clients, batch})};
  auto rows = p.rows.accessor<std::int64_t, 2>();
  auto weights = p.weights.accessor<float, 3>();
  for (std::int64_t k = 0; k < static_cast<std::int64_t>(schedules.size()); ++k) {
    const auto& schedule = schedules[static_cast<std::size_t>(k)];
    for (std::int64_t step = 0; step < schedule.steps(); ++step) {
      const auto begin = schedule.begin(step), count = schedule.count(step);
      for (std::int64_t i = 0; i < count; ++i) {
        rows[step][k * batch + i] = schedule.order()[static_cast<std::size_t>(begin + i)];
        weights[step][k][i] = 1.0f / static_cast<float>(count);
      }
    }
  }
  return p;
}

/// The versions that the clients start from, [clients, d] on the device, or [1, d] where it is one.
torch::Tensor versions(const engine::Workspace& workspace, const std::vector<const TrainJob*>& jobs) {
  const auto on_device = [&](const TrainJob& job) {
    return job.base->values.to(workspace.device(), /*non_blocking=*/true);
  };
  const auto same = [&](const TrainJob* job) { return job->base == jobs.front()->base; };
  if (std::all_of(jobs.begin(), jobs.end(), same)) return on_device(*jobs.front()).unsqueeze(0);
  std::vector<torch::Tensor> all;
  all.reserve(jobs.size());
  for (const auto* job : jobs) all.push_back(on_device(*job));
  return torch::stack(all);
}

/// Mean cross entropy of the last epoch, from each step's mean [steps].
double last_epoch(const Schedule& schedule, const torch::TensorAccessor<double, 2>& losses, std::int64_t k) {
  double sum = 0;
  std::int64_t samples = 0;
  for (std::int64_t step = 0; step < schedule.steps(); ++step) {
    if (schedule.starts_epoch(step)) sum = 0, samples = 0;
    sum += losses[step][k] * static_cast<double>(schedule.count(step));
    samples += schedule.count(step);
  }
  return sum / static_cast<double>(samples);
}

}  // namespace

engine::BatchedClients& BatchedTraining::network_for(engine::Workspace& workspace, std::int64_t clients) {
  std::int64_t capacity = 1;
  while (capacity < clients) capacity *= 2;
  auto& network = networks_[capacity];
  if (!network) {
    const auto* net = dynamic_cast<const model::Network*>(&workspace.net());
    if (!net) throw std::invalid_argument("a user's own module cannot be batched over clients");
    network =
        std::make_unique<engine::BatchedClients>(*net, workspace.layout(), capacity, workspace.device());
  }
  return *network;
}

std::vector<job::JobResult> BatchedTraining::train(engine::Workspace& workspace,
                                                   const std::vector<const TrainJob*>& jobs) {
  if (jobs.empty()) return {};
  const auto& first = *jobs.front();
  std::vector<Schedule> schedules;
  schedules.reserve(jobs.size());
  std::int64_t steps = 0, batch = 0;
  for (const auto* job : jobs) {
    if (!fit_together(first, *job)) throw std::invalid_argument("these clients cannot be stepped together");
    schedules.emplace_back(job->samples, job->batch_size, job->epochs, job->steps, job->key);
    steps = std::max(steps, schedules.back().steps());
    batch = std::max(batch, schedules.back().count(0));
  }
  const auto clients = static_cast<std::int64_t>(jobs.size());
  auto& network = network_for(workspace, clients);
  const auto plans = plan(schedules, network.clients(), steps, batch);
  const auto rows = engine::on_device(plans.rows, workspace.device());
  const auto weights = engine::on_device(plans.weights, workspace.device());
  const auto start = versions(workspace, jobs);
  network.load(start.expand({clients, -1}));
  const auto losses =
      torch::empty({steps, network.clients()}, torch::dtype(torch::kFloat64).device(workspace.device()));
  torch::Tensor after;  // of clients that are done
  for (std::int64_t step = 0; step < steps; ++step) {
    const auto whole = workspace.gather(rows[step]);
    auto shape = whole.images.sizes().vec();
    shape[0] = batch;
    shape.insert(shape.begin(), network.clients());
    auto of_labels = whole.labels.sizes().vec();
    of_labels[0] = batch;
    of_labels.insert(of_labels.begin(), network.clients());
    losses[step].copy_(network.step(whole.images.view(shape), whole.labels.view(of_labels), first.sgd,
                                    weights[step], first.adam));
    for (std::int64_t k = 0; k < clients && step + 1 < steps; ++k) {
      if (schedules[static_cast<std::size_t>(k)].steps() != step + 1) continue;
      if (!after.defined()) after = torch::empty({clients, start.size(1)}, start.options());
      after[k].copy_(network.parameters()[k]);
    }
  }
  std::vector<job::JobResult> results(jobs.size());
  std::vector<torch::Tensor> factors(jobs.size());
  for (std::int64_t k = 0; k < clients; ++k) {  // vectors of their own: one that is kept keeps no other
    const auto& schedule = schedules[static_cast<std::size_t>(k)];
    const auto& last = schedule.steps() < steps ? after : network.parameters();
    auto delta = last[k] - start[start.size(0) == 1 ? 0 : k];
    factors[static_cast<std::size_t>(k)] = shorten(delta, first.sgd.max_delta);
    auto& result = results[static_cast<std::size_t>(k)];
    result.outputs = {workspace.wrap(std::move(delta), torch::empty({0}, start.options()))};
    result.samples = static_cast<std::int64_t>(schedule.order().size());
  }
  const auto seen = losses.to(torch::kCPU);  // waits
  for (std::size_t k = 0; k < jobs.size(); ++k) {
    results[k].figures["loss"] =
        last_epoch(schedules[k], seen.accessor<double, 2>(), static_cast<std::int64_t>(k));
    note_shortened(results[k], factors[k]);
  }
  return results;
}

}  // namespace afu::train
