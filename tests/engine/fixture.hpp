#pragma once
/// A lane's workspace on the CPU with a small network and a pool of images that can be learnt, for tests.
#include <numeric>
#include <string>

#include "config/sections/model.hpp"
#include "engine/execute.hpp"
#include "engine/workspace.hpp"
#include "model/parameters.hpp"
#include "train/train_job.hpp"

// After torch: its logging headers define a CHECK of their own, which doctest's must replace.
#include <doctest/doctest.h>

namespace afu::test {

inline const model::InputShape tiny_shape{1, 8, 8, 3};
/// The least that resnet18 with BatchNorm takes.
inline const model::InputShape small_shape{1, 16, 16, 3};

/// `count` noisy images: class k is bright in its third of the rows.
inline std::shared_ptr<const data::Images> tiny_images(std::int64_t count,
                                                       const model::InputShape& shape = tiny_shape) {
  auto images = std::make_shared<data::Images>();
  images->height = shape.height;
  images->width = shape.width;
  base::Stream stream({1, base::purpose("test.images"), 0, 0});
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::int64_t>(stream.below(3));
    images->labels.push_back(label);
    for (std::int64_t y = 0; y < shape.height; ++y)
      for (std::int64_t x = 0; x < shape.width; ++x)
        images->pixels.push_back(
            static_cast<std::uint8_t>(stream.below(120) + (y * 3 / shape.height == label ? 100 : 0)));
  }
  return images;
}

inline data::IndicesPtr rows(std::int64_t begin, std::int64_t end) {
  data::Indices r(static_cast<std::size_t>(end - begin));
  std::iota(r.begin(), r.end(), begin);
  return std::make_shared<const data::Indices>(std::move(r));
}

inline config::ModelSection network(const std::string& name) {
  config::ModelSection section;
  section.name = config::named<config::Architecture>(name, "model.name");
  section.hidden = 16;
  section.norm = config::Norm::batch;
  return section;
}

struct Lane {
  std::shared_ptr<const data::Images> images;
  std::unique_ptr<engine::Workspace> workspace;
  model::ParametersPtr initial;

  explicit Lane(const std::string& name = "mlp", std::int64_t count = 120,
                const model::InputShape& shape = tiny_shape)
      : images(tiny_images(count, shape)) {
    workspace = std::make_unique<engine::Workspace>(model::make_model(network(name), shape),
                                                    engine::make_resident(images, torch::kCPU), torch::kCPU);
    initial = model::initial_parameters(workspace->net(), workspace->layout(),
                                        {7, base::purpose("test.model"), 0, 0});
  }

  /// Runs a job that must succeed.
  job::JobResult run(const job::Job& job) {
    auto result = engine::execute(*workspace, job);
    REQUIRE(result.error == "");
    return result;
  }

  /// base + delta, with delta's buffers.
  model::ParametersPtr plus(const model::ParametersPtr& base, const model::ParametersPtr& delta) const {
    return workspace->wrap(base->values + delta->values, delta->buffers);
  }

  /// The initial model trained on rows [0, n).
  model::ParametersPtr trained(std::int64_t n, std::int64_t epochs = 20) {
    train::TrainJob job;
    job.sgd.lr = 0.05;
    job.base = initial;
    job.samples = rows(0, n);
    job.sgd.momentum = 0.9;
    job.epochs = epochs;
    job.batch_size = 16;
    return plus(initial, run(job).outputs.at(0));
  }

  /// Logits of the version on `samples`, in eval mode.
  torch::Tensor logits(const model::ParametersPtr& version, const data::IndicesPtr& samples) {
    torch::NoGradGuard no_grad;
    workspace->load(*version);
    workspace->net().train(false);
    const auto order = workspace->upload(*samples);
    return workspace->net().forward(workspace->gather(order, 0, order.size(0)).images);
  }

  torch::Tensor labels(const data::IndicesPtr& samples) const {
    const auto order = workspace->upload(*samples);
    return workspace->gather(order, 0, order.size(0)).labels;
  }
};

inline double largest(const torch::Tensor& t) { return t.abs().max().item<double>(); }

}  // namespace afu::test
