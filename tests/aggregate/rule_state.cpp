// Rules that keep vectors of their own, carried out on a lane: momentum, ASO-Fed, PORT.
#include <cmath>
#include <vector>

#include "aggregate/rule.hpp"
#include "config/sections/training.hpp"
#include "engine/combine_job.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using namespace afu::aggregate;

namespace {

/// A server without actors: the version, and what a lane makes of a plan. All vectors hold one value
/// everywhere, so that sums can be followed by hand.
struct Server {
  test::Lane lane{"logreg", 1};
  std::unique_ptr<Rule> rule;
  model::ParametersPtr model = all(0);

  Server(config::Rule name, const config::TrainingSection& t, std::size_t clients = 1)
      : rule(make_rule(name, t, 100, clients)) {}

  model::ParametersPtr wrap(torch::Tensor t) const {
    return lane.workspace->wrap(std::move(t), torch::empty({0}));
  }
  model::ParametersPtr all(double value) const {
    return wrap(torch::full({lane.workspace->layout()->parameter_count}, value, torch::kFloat32));
  }
  Arrival arrival(std::uint32_t client, const model::ParametersPtr& delta,
                  std::uint64_t staleness = 0) const {
    Arrival a;
    a.client = client;
    a.staleness = staleness;
    a.samples = 100;
    a.delta = delta;
    return a;
  }
  /// As the coordinator does it; returns the plan as it was carried out.
  MergePlan merge(std::optional<MergePlan> plan) {
    REQUIRE(plan);
    if (rule->asks()) {
      engine::CombineJob question;
      rule->ask(*plan, model, question);
      rule->weigh(*plan, lane.run(question).numbers);
    }
    engine::CombineJob job;
    engine::Combination c{model, plan->keep, {}, {}};
    for (const auto& p : plan->parts) c.terms.push_back({p.coefficient, p.arrival.delta, p.arrival.guard});
    job.outputs = {c, {nullptr, 1.0, {}, {}}};  // the second stands for a ledger's
    rule->extend(*plan, job);
    const auto outputs = lane.run(job).outputs;
    rule->apply(*plan, outputs, 2);
    model = outputs.front();
    return std::move(*plan);
  }
  void send(std::uint32_t client, double delta, std::uint64_t staleness = 0) {
    merge(rule->add(arrival(client, all(delta), staleness)));
  }
  double value() const {
    CHECK(test::largest(model->values - model->values[0]) == 0);
    return model->values[0].item<double>();
  }
};

config::TrainingSection settings() {
  config::TrainingSection t;
  t.server_lr = 1;
  t.buffer_size = 1;
  t.staleness = config::StalenessForm::constant;
  return t;
}

}  // namespace

TEST_CASE("server momentum: m <- beta m + c delta, w <- w + m") {
  auto t = settings();
  t.server_momentum = 0.5;
  t.server_lr = 0.5;
  Server s(config::Rule::fedbuff, t);
  s.send(0, 2);  // m = 1
  CHECK(s.value() == doctest::Approx(1));
  s.send(0, 4);  // m = 0.5 + 2
  CHECK(s.value() == doctest::Approx(3.5));
  s.send(1, 0);  // m = 1.25
  CHECK(s.value() == doctest::Approx(4.75));
  s.rule->forget(7);  // begins anew
  s.send(1, 2);       // m = 1
  CHECK(s.value() == doctest::Approx(5.75));
  s.send(1, 0);  // m = 0.5
  CHECK(s.value() == doctest::Approx(6.25));
  s.rule->reset();
  s.send(1, 2);
  CHECK(s.value() == doctest::Approx(7.25));
}

TEST_CASE("fedavg's momentum takes the round's mean difference") {
  auto t = settings();
  t.server_momentum = 0.9;
  Server s(config::Rule::fedavg, t);
  for (double expected : {2.0, 5.8}) {  // m = 2, then 0.9 * 2 + 2
    CHECK(!s.rule->add(s.arrival(0, s.all(1))));
    CHECK(!s.rule->add(s.arrival(1, s.all(3))));
    s.merge(s.rule->flush());
    CHECK(s.value() == doctest::Approx(expected));
  }
}

TEST_CASE("without momentum a rule asks for nothing more than the model") {
  Server s(config::Rule::fedbuff, settings());
  const auto plan = *s.rule->add(s.arrival(0, s.all(1)));
  engine::CombineJob job{{{s.model, 1.0, {}, {}}}};
  s.rule->extend(plan, job);
  CHECK(job.outputs.size() == 1);
  CHECK(job.outputs[0].terms.empty());
}

TEST_CASE("momentum takes what the guard lets through") {
  auto t = settings();
  t.server_momentum = 0.5;
  Server s(config::Rule::fedbuff, t);
  auto back = s.arrival(0, s.all(-3));
  back.guard = s.all(1);
  s.merge(s.rule->add(back));  // nothing is left of it
  CHECK(s.value() == doctest::Approx(0).epsilon(1e-6));
  s.send(0, 2);
  CHECK(s.value() == doctest::Approx(2));
}

TEST_CASE("aso_fed: w += (n_k / N) r_k (delta - prev + h), two clients by hand") {
  auto t = settings();
  t.aso_beta = 0.25;
  Server s(config::Rule::aso_fed, t, 2);  // n_k / N = 1/2
  double w = 0;
  const auto send = [&](std::uint32_t client, double delta, double moved) {
    s.send(client, delta);
    w += moved / 2;
    CHECK(s.value() == doctest::Approx(w));
  };
  send(0, 4, 4);             // prev 0, h 0
  send(1, 2, 2);             // a state of its own
  send(0, 6, 6 - 4);         // then h = 0.75 * 4 = 3, prev = 6
  send(0, 8, 8 - 6 + 3);     // then h = 0.25 * 3 + 0.75 * 6 = 5.25, prev = 8
  send(1, 2, 2 - 2);         // then h = 1.5
  send(0, 1, 1 - 8 + 5.25);  // the other client's is not mixed in
  s.rule->forget(0);
  send(0, 3, 3);
  send(1, 1, 1 - 2 + 1.5);  // the other's is still there
}

TEST_CASE("aso_fed: late clients take larger steps, by the log of their mean staleness") {
  Server s(config::Rule::aso_fed, settings(), 2);
  const auto coefficient = [&](std::uint32_t client, std::uint64_t staleness) {
    return s.rule->add(s.arrival(client, s.all(1), staleness))->parts[0].coefficient;
  };
  CHECK(coefficient(0, 0) == doctest::Approx(0.5));
  CHECK(coefficient(0, 4) == doctest::Approx(0.5));                    // mean 2
  CHECK(coefficient(0, 56) == doctest::Approx(0.5 * std::log(20.0)));  // mean 20
  CHECK(coefficient(1, 2) == doctest::Approx(0.5));                    // its own mean
}

TEST_CASE("aso_fed: with a guard, what was let through counts as the last delta") {
  Server s(config::Rule::aso_fed, settings(), 1);
  auto back = s.arrival(0, s.all(-3));
  back.guard = s.all(1);
  s.merge(s.rule->add(back));
  CHECK(s.value() == doctest::Approx(0).epsilon(1e-6));
  s.send(0, 2);
  CHECK(s.value() == doctest::Approx(2));
}

TEST_CASE("aso_fed's feature step scales the first layer's columns by their softmax") {
  auto t = settings();
  t.aso_feature_step = true;
  Server s(config::Rule::aso_fed, t, 1);
  const auto& slots = s.lane.workspace->layout()->parameters;
  const auto& first = slots.at(0);
  REQUIRE(first.shape.size() == 2);
  auto delta = torch::zeros({s.lane.workspace->layout()->parameter_count});
  auto w = delta.narrow(0, first.offset, first.size).view(first.shape);
  w[0][0] = -1.0;
  w[1][0] = 2.0;
  const auto last = delta.numel() - 1;
  delta[last] = 7.0;  // not of the first layer
  s.merge(s.rule->add(s.arrival(0, s.wrap(delta))));
  const auto after = s.model->values.narrow(0, first.offset, first.size).view(first.shape);
  const double sum = std::exp(1.0) + std::exp(2.0) + static_cast<double>(first.shape[0] - 2);
  CHECK(after[0][0].item<double>() == doctest::Approx(-std::exp(1.0) / sum));
  CHECK(after[1][0].item<double>() == doctest::Approx(2 * std::exp(2.0) / sum));
  CHECK(after[0][1].item<double>() == 0);
  CHECK(s.model->values[last].item<double>() == 7);
}

TEST_CASE("port weighs by likeness to the last two merges and by staleness") {
  auto t = settings();
  t.buffer_size = 2;
  t.staleness_bound = 10;
  Server s(config::Rule::port, t);
  const auto pair = [&](const model::ParametersPtr& a, const model::ParametersPtr& b, std::uint64_t late) {
    CHECK(!s.rule->add(s.arrival(0, a)));
    return s.merge(s.rule->add(s.arrival(1, b, late)));
  };
  // There is no course yet: cosines count as 0. 1/2 + 1 against 1/2 + 10/20.
  auto plan = pair(s.all(1), s.all(1), 10);
  CHECK(plan.parts[0].coefficient == doctest::Approx(0.6));
  CHECK(plan.parts[1].coefficient == doctest::Approx(0.4));
  pair(s.all(1), s.all(1), 0);
  // Now the course is upwards. Along it 1 + 1, against it 0 + 1.
  plan = pair(s.all(3), s.all(-5), 0);
  CHECK(plan.parts[0].coefficient == doctest::Approx(2.0 / 3));
  CHECK(plan.parts[1].coefficient == doctest::Approx(1.0 / 3));
  // The course is w_t - w_{t-2} of now: still upwards. Across it 1/2 + 1.
  auto across = torch::ones_like(s.model->values);
  across.narrow(0, 0, across.numel() / 2).fill_(-1);
  if (across.numel() % 2) across[across.numel() - 1] = 0.0;
  plan = pair(s.all(1), s.wrap(across), 0);
  CHECK(plan.parts[0].coefficient == doctest::Approx(2.0 / 3.5));
  CHECK(plan.parts[1].coefficient == doctest::Approx(1.5 / 3.5));
  // After a request the course counts for nothing, until it is known again.
  s.rule->forget(9);
  plan = pair(s.all(3), s.all(-5), 0);
  CHECK(plan.parts[0].coefficient == doctest::Approx(0.5));
}

TEST_CASE("port weighs by samples, and by either part alone") {
  auto t = settings();
  t.buffer_size = 2;
  t.port_similarity = 0;
  Server s(config::Rule::port, t);
  auto a = s.arrival(0, s.all(1));
  a.samples = 300;
  CHECK(!s.rule->add(a));
  auto plan = s.merge(s.rule->add(s.arrival(1, s.all(1), 10)));  // 3/4 * 1 against 1/4 * 1/2
  CHECK(plan.parts[0].coefficient == doctest::Approx(6.0 / 7));
  CHECK(plan.parts[1].coefficient == doctest::Approx(1.0 / 7));

  t.port_similarity = 1, t.port_staleness = 0;
  Server only(config::Rule::port, t);
  for (int i = 0; i < 3; ++i) {
    CHECK(!only.rule->add(only.arrival(0, only.all(1), 90)));
    plan = only.merge(only.rule->add(only.arrival(1, only.all(i < 2 ? 1 : -1))));
  }
  CHECK(plan.parts[0].coefficient == doctest::Approx(1));
  CHECK(plan.parts[1].coefficient == doctest::Approx(0));
  CHECK(plan.parts[1].coefficient < 1e-6);
}
