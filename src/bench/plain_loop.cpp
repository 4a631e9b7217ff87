#include "bench/plain_loop.hpp"

#include <torch/optim/sgd.h>

#include <vector>

#include "train/schedule.hpp"

namespace afu::bench {

void train_plainly(model::Model& model, const torch::Tensor& images, const torch::Tensor& labels,
                   const train::TrainJob& job) {
  const train::Schedule schedule(job.samples, job.batch_size, job.epochs, job.steps, job.key);
  const auto order = torch::tensor(schedule.order(), torch::kInt64).to(images.device());
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

}  // namespace afu::bench
