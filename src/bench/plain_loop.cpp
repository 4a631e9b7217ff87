#include "bench/plain_loop.hpp"

#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <memory>
#include <utility>
#include <vector>

#include "train/schedule.hpp"

namespace afu::bench {
namespace {

std::unique_ptr<torch::optim::Optimizer> optimizer_of(const train::TrainJob& job,
                                                      std::vector<torch::Tensor> parameters) {
  const auto& s = job.sgd;
  if (!job.adam)
    return std::make_unique<torch::optim::SGD>(
        std::move(parameters),
        torch::optim::SGDOptions(s.lr).momentum(s.momentum).weight_decay(s.weight_decay));
  const auto& a = *job.adam;
  const auto betas = std::make_tuple(a.beta1, a.beta2);
  if (a.decoupled)
    return std::make_unique<torch::optim::AdamW>(
        std::move(parameters),
        torch::optim::AdamWOptions(s.lr).betas(betas).eps(a.epsilon).weight_decay(s.weight_decay));
  return std::make_unique<torch::optim::Adam>(
      std::move(parameters),
      torch::optim::AdamOptions(s.lr).betas(betas).eps(a.epsilon).weight_decay(s.weight_decay));
}

}  // namespace

void train_plainly(model::Model& model, const torch::Tensor& images, const torch::Tensor& labels,
                   const train::TrainJob& job) {
  const train::Schedule schedule(job.samples, job.batch_size, job.epochs, job.steps, job.key);
  const auto order = torch::tensor(schedule.order(), torch::kInt64).to(images.device());
  std::vector<torch::Tensor> parameters;
  for (auto& [name, p] : model.named_parameters()) parameters.push_back(p.set_requires_grad(true));
  const auto optimizer = optimizer_of(job, std::move(parameters));
  model.train(true);
  for (std::int64_t step = 0; step < schedule.steps(); ++step) {
    const auto rows = order.narrow(0, schedule.begin(step), schedule.count(step));
    optimizer->zero_grad();
    at::cross_entropy_loss(model.forward(images.index_select(0, rows)), labels.index_select(0, rows))
        .backward();
    optimizer->step();
  }
}

}  // namespace afu::bench
