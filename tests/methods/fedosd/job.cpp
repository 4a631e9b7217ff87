#include "methods/fedosd/job.hpp"

#include <cmath>

#include "engine/execute.hpp"
#include "methods/fedosd/orthogonal.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

TEST_CASE("the unlearning cross entropy has the published gradient") {
  for (double p : {0.2, 0.585786, 0.95}) {
    auto z = torch::tensor({std::log(p / (1 - p)), 0.0}, torch::kFloat64).view({1, 2}).requires_grad_();
    methods::unlearning_cross_entropy(z, torch::zeros({1}, torch::kInt64)).backward();
    CHECK(z.grad()[0][0].item<double>() == doctest::Approx(p * (1 - p) / (2 - p)));
    if (p == 0.585786) CHECK(z.grad()[0][0].item<double>() == doctest::Approx(0.171573).epsilon(1e-5));
  }
}

TEST_CASE("FedOSD's direction is orthogonal to all retained gradients") {
  torch::manual_seed(1);
  const auto retained = torch::randn({7, 500}, torch::kFloat64);
  const auto target = torch::randn({500}, torch::kFloat64);
  const auto part = methods::orthogonal_part(target, retained);
  CHECK(at::mv(retained, part).abs().max().item<double>() < 1e-12);
  CHECK(at::dot(target, part).item<double>() == doctest::Approx(at::dot(part, part).item<double>()));
  CHECK(part.norm().item<double>() > 0);
  // Gradients that coincide are one direction, not a singular matrix.
  const auto twice = at::cat({retained, retained.narrow(0, 0, 1)});
  CHECK((methods::orthogonal_part(target, twice) - part).abs().max().item<double>() < 1e-9);
  // What lies in their span vanishes.
  CHECK(methods::orthogonal_part(retained.sum(0), retained).norm().item<double>() < 1e-9);
}

namespace {

struct Updates {
  Lane lane{"mlp"};
  model::ParametersPtr target, first, second, before;
  Updates() {
    torch::manual_seed(2);
    auto make = [&](double scale) {
      return lane.workspace->wrap(torch::randn_like(lane.initial->values) * scale, lane.initial->buffers);
    };
    target = make(0.1), first = make(0.2), second = make(0.3), before = make(1);
  }
  torch::Tensor from_initial(const job::Job& job) {
    return (lane.run(job).outputs.at(0)->values - lane.initial->values).to(torch::kFloat64);
  }
  torch::Tensor unlearning_step() {
    return from_initial(methods::FedosdDirectionJob{lane.initial, target, {first, second}});
  }
  torch::Tensor recovery_step(const model::ParametersPtr& from, methods::RecoveryProjection projection =
                                                                    methods::RecoveryProjection::two_sided) {
    return from_initial(methods::FedosdRecoverJob{lane.initial, from, {first, second}, projection});
  }
};

double along(const torch::Tensor& v, const torch::Tensor& u) {
  return at::cosine_similarity(v, u.to(torch::kFloat64), 0).item<double>();
}

}  // namespace

TEST_CASE("an unlearning step has the target's length and leaves the others' directions alone") {
  Updates u;
  const auto step = u.unlearning_step();
  CHECK(step.norm().item<double>() == doctest::Approx(u.target->values.norm().item<double>()).epsilon(1e-3));
  for (const auto& other : {u.first, u.second}) CHECK(std::abs(along(step, other->values)) < 1e-4);
  CHECK(along(step, u.target->values) > 0.9);
}

TEST_CASE("a recovery step does not go back along what was unlearned") {
  Updates u;
  const auto step = u.recovery_step(u.before);
  CHECK(std::abs(along(step, u.lane.initial->values - u.before->values)) < 1e-4);
  CHECK(step.norm().item<double>() > 0);
  // Nothing was unlearned: the mean of the updates.
  const auto plain = u.recovery_step(u.lane.initial);
  const auto mean = (u.first->values + u.second->values) / 2;
  CHECK((plain - mean).abs().max().item<double>() < 1e-5);
}

TEST_CASE("a one-sided recovery step keeps what points onwards, and loses what points back") {
  Updates u;
  const auto away = u.lane.initial->values - u.before->values;
  const auto pointing = [&](double sign) {
    return u.lane.workspace->wrap(u.first->values + sign * away, u.lane.initial->buffers);
  };
  u.second = u.first = pointing(1);
  CHECK((u.recovery_step(u.before, methods::RecoveryProjection::one_sided) - u.first->values)
            .abs()
            .max()
            .item<double>() < 1e-4);
  CHECK(std::abs(along(u.recovery_step(u.before), away)) < 1e-4);
  u.second = u.first = pointing(-1);
  const auto back = u.recovery_step(u.before, methods::RecoveryProjection::one_sided);
  CHECK(std::abs(along(back, away)) < 1e-4);
  CHECK((back - u.recovery_step(u.before)).abs().max().item<double>() < 1e-5);
}

TEST_CASE("the target's training lowers the probability of its own labels") {
  Lane lane("mlp");
  const auto trained = lane.trained(60, 2);  // the loss has no gradient at certainty
  methods::FedosdTargetJob job;
  job.model = trained;
  job.forget = test::rows(0, 60);
  job.lr = 0.2;
  job.epochs = 3;
  job.batch_size = 16;
  job.key = {1, 2, 3, 4};
  const auto after = lane.plus(trained, lane.run(job).outputs.at(0));
  const auto own = [&](const model::ParametersPtr& v) {
    return lane.logits(v, job.forget).softmax(1).gather(1, lane.labels(job.forget).unsqueeze(1)).mean();
  };
  CHECK(own(after).item<double>() < own(trained).item<double>() - 0.01);
}

TEST_CASE("a step of FedOSD that lacks a vector says which") {
  Updates u;
  const auto error = [&](const job::Job& job) { return engine::execute(*u.lane.workspace, job).error; };
  using Direction = methods::FedosdDirectionJob;
  CHECK(error(Direction{u.lane.initial, nullptr, {u.first}}) ==
        "fedosd_direction: the target's update is missing");
  CHECK(error(Direction{u.lane.initial, u.target, {}}) ==
        "fedosd_direction: there is no retained client's update");
  CHECK(error(Direction{u.lane.initial, u.target, {nullptr}}) ==
        "fedosd_direction: a retained client's update is missing");
  CHECK(error(methods::FedosdRecoverJob{u.lane.initial, nullptr, {u.first}}) ==
        "fedosd_recover: the model before the unlearning is missing");
}
