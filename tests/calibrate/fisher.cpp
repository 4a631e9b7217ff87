#include "calibrate/jobs.hpp"

#include <torch/csrc/autograd/autograd.h>

#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

calibrate::FisherJob job_for(const model::ParametersPtr& version, data::IndicesPtr rows,
                             bool normalise = false) {
  calibrate::FisherJob job;
  job.normalise = normalise;
  job.model = version;
  job.rows = std::move(rows);
  return job;
}

torch::Tensor fisher_of(Lane& lane, const model::ParametersPtr& version, data::IndicesPtr rows,
                        bool normalise = false) {
  return lane.run(job_for(version, std::move(rows), normalise)).outputs.at(0)->values;
}

}  // namespace

// d log p_c / d z_k = [k = c] - p_k, so that sum_c p_c (.)^2 = p_k (1 - p_k), times x_j^2 for a weight.
TEST_CASE("the Fisher diagonal of a logistic regression, by hand") {
  Lane lane("logreg");
  const auto version = lane.trained(60, 2);
  const auto rows = test::rows(5, 17);
  const auto x = lane.workspace->gather(lane.workspace->upload(*rows), 0, 12).images.flatten(1);
  const auto p = lane.logits(version, rows).softmax(1);
  const auto variance = p * (1 - p);  // [n, 3]
  const auto weight = variance.t().matmul(x.square()) / 12, bias = variance.mean(0);
  const auto expected = torch::cat({weight.flatten(), bias});
  const auto result = lane.run(job_for(version, rows));
  const auto& f = result.outputs.at(0)->values;
  CHECK(test::largest(f - expected) < 1e-6 * test::largest(expected) + 1e-7);
  CHECK(test::largest(expected) > 1e-3);
  CHECK(result.figures.at("mean") == doctest::Approx(expected.mean().item<double>()).epsilon(1e-4));
  CHECK(result.figures.at("largest") == doctest::Approx(test::largest(expected)).epsilon(1e-4));
  CHECK(result.samples == 36);
  CHECK(test::largest(fisher_of(lane, version, rows, true) - expected / expected.mean()) < 1e-4);
}

TEST_CASE("the Fisher diagonal over the images' own labels, and over sampled ones") {
  Lane lane("logreg");
  const auto version = lane.trained(60, 2);
  const auto rows = test::rows(5, 17);
  const auto x = lane.workspace->gather(lane.workspace->upload(*rows), 0, 12).images.flatten(1);
  const auto p = lane.logits(version, rows).softmax(1);
  const auto own = (at::one_hot(lane.labels(rows), 3) - p).square();  // (d log p_y / d z_k)^2
  const auto expected = torch::cat({own.t().matmul(x.square()).flatten() / 12, own.mean(0)});
  auto job = job_for(version, rows);
  job.labels = config::FisherLabels::own;
  const auto empirical = lane.run(job);
  CHECK(test::largest(empirical.outputs.at(0)->values - expected) < 1e-6 * test::largest(expected) + 1e-7);
  CHECK(empirical.samples == 12);

  // Sampled: right on the mean over many draws, and the same for the same key.
  const auto exact = fisher_of(lane, version, rows);
  CHECK(test::largest(exact - expected) > 1e-2 * test::largest(exact));
  job.labels = config::FisherLabels::sampled;
  auto mean = torch::zeros_like(exact);
  constexpr int draws = 1500;
  for (int i = 0; i < draws; ++i) {
    job.key = {1, 2, 3, static_cast<std::uint64_t>(i)};
    mean += lane.run(job).outputs.at(0)->values / draws;
  }
  CHECK((mean - exact).norm().item<double>() < 0.1 * exact.norm().item<double>());
  CHECK(at::equal(lane.run(job).outputs[0]->values, lane.run(job).outputs[0]->values));
}

TEST_CASE("samples are squared one by one, then averaged") {
  Lane lane("cnn_small");
  const auto version = lane.trained(60, 1);
  const auto both = fisher_of(lane, version, test::rows(3, 5));
  const auto one = fisher_of(lane, version, test::rows(3, 4)),
             other = fisher_of(lane, version, test::rows(4, 5));
  CHECK(test::largest(both - (one + other) / 2) < 1e-6 * test::largest(both));
  CHECK((both >= 0).all().item<bool>());
}

TEST_CASE("a deep network's Fisher diagonal is that of autograd, class by class") {
  Lane lane("mlp");
  const auto version = lane.trained(60, 2);
  const auto f = fisher_of(lane, version, test::rows(7, 8));
  lane.workspace->load(*version);
  lane.workspace->net().train(false);
  const auto image = lane.workspace->gather(lane.workspace->upload(*test::rows(7, 8)), 0, 1).images;
  auto expected = torch::zeros_like(f);
  std::vector<torch::Tensor> tensors;
  for (const auto& [name, t] : lane.workspace->net().named_parameters()) tensors.push_back(t);
  for (std::int64_t c = 0; c < 3; ++c) {
    const auto p = lane.workspace->net().forward(image).softmax(1)[0][c];
    std::vector<torch::Tensor> flat;
    for (const auto& g : torch::autograd::grad({p.log()}, tensors)) flat.push_back(g.flatten());
    expected += p.detach() * torch::cat(flat).square();
  }
  CHECK(test::largest(f - expected) < 1e-5 * test::largest(expected));
}

TEST_CASE("the normalisation's statistics are used and kept") {
  Lane lane("resnet18", 10, test::small_shape);
  const auto version = lane.workspace->wrap(lane.initial->values, lane.initial->buffers + 0.25);
  const auto result = lane.run(job_for(version, test::rows(0, 1)));
  CHECK(at::equal(lane.workspace->buffers(), version->buffers));
  CHECK(result.outputs.at(0)->values.isfinite().all().item<bool>());
  CHECK(test::largest(result.outputs[0]->buffers) == 0);
  CHECK_NOTHROW(model::to_bytes(result.outputs[0]));
}

TEST_CASE("a Fisher diagonal that cannot be computed says why") {
  Lane lane;
  CHECK(engine::execute(*lane.workspace, job_for(nullptr, test::rows(0, 1))).error ==
        "fisher: the input is the model");
  CHECK(engine::execute(*lane.workspace, job_for(lane.initial, test::rows(0, 0))).error ==
        "fisher: there are no samples to compute on");
}
