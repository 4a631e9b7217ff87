#include "methods/fedquit/job.hpp"

#include <cmath>

#include "engine/execute.hpp"
#include "methods/fedquit/distillation.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

methods::FedquitJob erasure(const model::ParametersPtr& base) {
  methods::FedquitJob job;
  job.base = base;
  job.forget = test::rows(0, 30);
  job.lr = 0.01;
  job.epochs = 3;
  job.batch_size = 8;
  job.key = {1, base::purpose("erase"), 0, 0};
  return job;
}

/// Mean probability of the true class on the forget set.
double own_probability(Lane& lane, const model::ParametersPtr& version) {
  const auto samples = test::rows(0, 30);
  return lane.logits(version, samples)
      .softmax(1)
      .gather(1, lane.labels(samples).unsqueeze(1))
      .mean()
      .item<double>();
}

}  // namespace

TEST_CASE("the quasi-competent target lowers the true logit to the row's smallest") {
  const auto z = torch::tensor({3.f, 1.f, 2.f, -1.f, 5.f, 0.f}).view({2, 3});
  const auto target = methods::quasi_competent_logits(z, torch::tensor({0, 0}, torch::kInt64));
  CHECK(at::equal(target, torch::tensor({1.f, 1.f, 2.f, -1.f, 5.f, 0.f}).view({2, 3})));
  CHECK(z[0][0].item<float>() == 3.f);
}

TEST_CASE("the other true logits: a fixed one, and the mean of the others by their probabilities") {
  using Kind = methods::TrueLogit::Kind;
  const auto z = torch::tensor({3.0, std::log(3.0), 0.0}, torch::kFloat64).view({1, 3});
  const auto y = torch::tensor({0}, torch::kInt64);
  const auto logit = [&](const methods::TrueLogit& t) {
    const auto target = methods::quasi_competent_logits(z, y, t);
    CHECK(at::equal(target.narrow(1, 1, 2), z.narrow(1, 1, 2)));
    return target[0][0].item<double>();
  };
  CHECK(logit({Kind::fixed, -2.5, 1}) == -2.5);
  CHECK(logit({Kind::weighted, 0, 1}) == doctest::Approx(0.75 * std::log(3.0)));
  const double q = std::sqrt(3.0) / (1 + std::sqrt(3.0));
  CHECK(logit({Kind::weighted, 0, 2}) == doctest::Approx(q * std::log(3.0)));
}

TEST_CASE("the losses between two distributions, by hand") {
  const auto teacher = torch::tensor({0.75, 0.25}, torch::kFloat64).view({1, 2}).log();
  const auto logits = torch::zeros({1, 2}, torch::kFloat64);  // one half each
  using Loss = methods::DistillationLoss;
  const auto loss = [&](Loss which) {
    return methods::distillation_loss(which, teacher, logits).item<double>();
  };
  const double entropy = -(0.75 * std::log(0.75) + 0.25 * std::log(0.25));
  CHECK(loss(Loss::ce) == doctest::Approx(std::log(2.0)));
  CHECK(loss(Loss::kl) == doctest::Approx(std::log(2.0) - entropy));
  CHECK(loss(Loss::mse) == doctest::Approx(0.0625));
  CHECK(loss(Loss::cosine) == doctest::Approx(1 - 0.5 / std::sqrt(0.5 * 0.625)));
}

TEST_CASE("fedquit's variants all drive the true class's probability down") {
  Lane lane;
  const auto base = lane.trained(60);
  const double before = own_probability(lane, base);
  using Loss = methods::DistillationLoss;
  using Kind = methods::TrueLogit::Kind;
  for (const auto loss : {Loss::kl, Loss::ce, Loss::mse, Loss::cosine})
    for (const auto logit : {Kind::min, Kind::fixed, Kind::weighted}) {
      CAPTURE(static_cast<int>(loss));
      CAPTURE(static_cast<int>(logit));
      auto job = erasure(base);
      job.loss = loss;
      job.true_logit = {logit, -5, 1};  // 0 may be the largest still
      CHECK(own_probability(lane, lane.plus(base, lane.run(job).outputs.at(0))) < before - 0.05);
    }
  auto warm = erasure(base);
  warm.true_logit.temperature = 4;
  CHECK_FALSE(at::equal(lane.run(warm).outputs.at(0)->values, lane.run(erasure(base)).outputs.at(0)->values));
}

TEST_CASE("fedquit drives the true class's probability down and returns a finite difference") {
  Lane lane;
  const auto base = lane.trained(60);
  const double before = own_probability(lane, base);
  const auto first = lane.run(erasure(base));
  const auto after = lane.plus(base, first.outputs.at(0));
  CHECK(first.outputs[0]->values.isfinite().all().item<bool>());
  CHECK(before > 0.8);
  CHECK(own_probability(lane, after) < before - 0.1);
  auto longer = erasure(base);
  longer.epochs = 20;
  const auto more = lane.run(longer);
  CHECK(more.figures.at("loss") < first.figures.at("loss"));
  CHECK(own_probability(lane, lane.plus(base, more.outputs[0])) < 0.2);
  CHECK(more.samples == 30 * 21);
  CHECK(at::equal(first.outputs[0]->values, lane.run(erasure(base)).outputs[0]->values));
}

TEST_CASE("fedquit's first step is Adam's on the gradient of the documented loss") {
  Lane lane;
  const auto base = lane.trained(60, 3);
  auto job = erasure(base);
  job.epochs = 1;
  job.batch_size = 30;
  const auto delta = lane.run(job).outputs[0]->values;
  const auto samples = test::rows(0, 30);
  const auto target =
      methods::quasi_competent_logits(lane.logits(base, samples), lane.labels(samples)).softmax(1);
  lane.workspace->load(*base);
  lane.workspace->gradients().zero_();
  const auto order = lane.workspace->upload(*samples);
  const auto log_q =
      lane.workspace->net().forward(lane.workspace->gather(order, 0, 30).images).log_softmax(1);
  (target * (target.log() - log_q)).sum(1).mean().backward();
  const auto& g = lane.workspace->gradients();
  // Adam's first step is -lr * g / (|g| + eps): where g is not tiny, -lr * sign(g).
  const auto clear = g.abs() > 1e-4;
  CHECK(clear.sum().item<std::int64_t>() > 100);
  CHECK(test::largest((delta + 0.01 * g.sign()).masked_select(clear)) < 2e-6);
}

TEST_CASE("fedquit keeps the normalisation's statistics") {
  Lane lane("resnet18", 10, test::small_shape);
  auto job = erasure(lane.initial);
  job.forget = test::rows(0, 8);
  job.epochs = 1;
  const auto result = lane.run(job);
  CHECK(at::equal(result.outputs[0]->buffers, lane.initial->buffers));
  CHECK(test::largest(result.outputs[0]->values) > 0);
}

TEST_CASE("a fedquit that cannot run says why") {
  Lane lane;
  auto job = erasure(nullptr);
  const auto error = [&] { return engine::execute(*lane.workspace, job).error; };
  CHECK(error() == "fedquit: the base is missing");
  job.base = lane.initial;
  job.forget = test::rows(0, 0);
  CHECK(error() == "fedquit: there are no samples to forget");
  job.forget = nullptr;
  CHECK(error() == "fedquit: there are no samples to forget");
  job.forget = test::rows(115, 121);
  CHECK(error() == "fedquit: sample 120 is outside the pool of 120");
}
