#include "aggregate/rule.hpp"

#include <cmath>

#include "aggregate/staleness.hpp"
#include "config/sections/training.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::aggregate;

namespace {
Arrival arrival(std::uint32_t client, std::uint64_t staleness, std::int64_t samples = 100) {
  Arrival a;
  a.client = client;
  a.staleness = staleness;
  a.samples = samples;
  return a;
}
}  // namespace

TEST_CASE("staleness functions") {
  using Form = config::StalenessForm;
  const auto staleness = [](Form form, double a) {
    config::TrainingSection t;
    t.staleness = form, t.staleness_a = a, t.staleness_b = 4;
    return Staleness(t);
  };
  CHECK(staleness(Form::constant, 0.5)(100) == 1.0);
  CHECK(staleness(Form::polynomial, 0.5)(3) == doctest::Approx(0.5));
  CHECK(staleness(Form::exponential, 0.3)(2) == doctest::Approx(std::exp(-0.6)));
  const auto hinge = staleness(Form::hinge, 10);
  CHECK(hinge(4) == 1.0);
  CHECK(hinge(6) == doctest::Approx(1.0 / 21));
}

TEST_CASE("async_delta: eta s(tau) omega, at most 1") {
  afu::config::TrainingSection t;
  t.server_lr = 0.3;
  auto rule = make_rule(config::Rule::async_delta, t, 100);
  auto plan = rule->add(arrival(1, 3));
  REQUIRE(plan);
  CHECK(plan->keep == 1.0);
  CHECK(plan->parts.at(0).coefficient == doctest::Approx(0.15));
  CHECK(rule->add(arrival(1, 0, 1000))->parts[0].coefficient == doctest::Approx(0.3 * 1.6));
  CHECK(rule->add(arrival(1, 0, 1))->parts[0].coefficient == doctest::Approx(0.3 * 0.4));
  t.server_lr = 5;
  CHECK(make_rule(config::Rule::async_delta, t, 100)->add(arrival(1, 0))->parts[0].coefficient == 1.0);
}

TEST_CASE("fedasync mixes whole models and computes its weight afresh") {
  afu::config::TrainingSection t;
  t.mixing = 0.6;
  auto rule = make_rule(config::Rule::fedasync, t, 100);
  CHECK(rule->whole_model());
  for (int i = 0; i < 3; ++i) {
    auto plan = rule->add(arrival(0, 0));
    CHECK(plan->keep == doctest::Approx(0.4));
    CHECK(plan->parts[0].coefficient == doctest::Approx(0.6));
  }
}

TEST_CASE("fedbuff divides by its size, and with B = 1, eta = 1 adds the update") {
  afu::config::TrainingSection t;
  t.server_lr = 1;
  t.buffer_size = 3;
  auto rule = make_rule(config::Rule::fedbuff, t, 100);
  CHECK(!rule->add(arrival(0, 0)));
  CHECK(!rule->add(arrival(1, 3)));
  auto plan = rule->add(arrival(2, 0));
  REQUIRE(plan);
  CHECK(plan->parts[0].coefficient == doctest::Approx(1.0 / 3));
  CHECK(plan->parts[1].coefficient == doctest::Approx(0.5 / 3));
  CHECK(!rule->add(arrival(0, 0)));
  CHECK(rule->forget(0) == 1);
  t.buffer_size = 1;
  CHECK(make_rule(config::Rule::fedbuff, t, 100)->add(arrival(0, 0))->parts[0].coefficient == 1.0);
}

TEST_CASE("fedbuff divided by the staleness weights makes a mean of them") {
  afu::config::TrainingSection t;
  t.server_lr = 0.8;
  t.buffer_size = 2;
  t.buffer_normalisation = config::BufferDivisor::staleness;
  auto rule = make_rule(config::Rule::fedbuff, t, 100);
  CHECK(!rule->add(arrival(0, 0)));
  const auto plan = rule->add(arrival(1, 3));  // 1 and 1/2 of 3/2
  REQUIRE(plan);
  CHECK(plan->parts[0].coefficient == doctest::Approx(0.8 * 2 / 3));
  CHECK(plan->parts[1].coefficient == doctest::Approx(0.8 / 3));
}

TEST_CASE("fedbuff with B = 1 adds the delta, with B = K of equal bases it is fedavg") {
  for (const auto by : {config::BufferDivisor::count, config::BufferDivisor::staleness}) {
    afu::config::TrainingSection t;
    t.server_lr = 1;
    t.buffer_normalisation = by;
    t.buffer_size = 1;
    const auto one = make_rule(config::Rule::fedbuff, t, 100)->add(arrival(0, 0));
    REQUIRE(one);
    CHECK(one->keep == 1.0);
    CHECK(one->parts.at(0).coefficient == 1.0);

    t.buffer_size = 4;
    auto fedbuff = make_rule(config::Rule::fedbuff, t, 100), fedavg = make_rule(config::Rule::fedavg, t, 100);
    std::optional<MergePlan> buffered;
    for (std::uint32_t client = 0; client < 4; ++client) {
      buffered = fedbuff->add(arrival(client, 0));
      CHECK(!fedavg->add(arrival(client, 0)));
    }
    const auto round = fedavg->flush();
    REQUIRE(buffered);
    REQUIRE(round);
    CHECK(buffered->keep == round->keep);
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(buffered->parts[i].arrival.client == round->parts[i].arrival.client);
      CHECK(buffered->parts[i].coefficient == doctest::Approx(round->parts[i].coefficient));
    }
  }
}

TEST_CASE("fedavg weighs by samples") {
  auto rule = make_rule(config::Rule::fedavg, {}, 100);
  CHECK(rule->synchronous());
  CHECK(!rule->flush());
  CHECK(!rule->add(arrival(0, 0, 100)));
  CHECK(!rule->add(arrival(1, 0, 300)));
  auto plan = rule->flush();
  REQUIRE(plan);
  CHECK(plan->parts[0].coefficient == doctest::Approx(0.25));
  CHECK(plan->parts[1].coefficient == doctest::Approx(0.75));
  CHECK(!rule->flush());
}

TEST_CASE("fedavg with uniform weights, as IBM's code has it") {
  afu::config::TrainingSection t;
  t.round_weights = config::RoundWeight::uniform;
  auto rule = make_rule(config::Rule::fedavg, t, 100);
  for (std::uint32_t client = 0; client < 4; ++client)
    CHECK(!rule->add(arrival(client, 0, 100 + 50 * client)));
  const auto plan = rule->flush();
  REQUIRE(plan);
  for (const auto& p : plan->parts) CHECK(p.coefficient == 0.25);
}

TEST_CASE("fedbuff as FLSim normalises it: an update of the average staleness counts 1") {
  afu::config::TrainingSection t;
  t.server_lr = 1;
  t.buffer_size = 2;
  t.staleness_average = 3;  // s(3) = 1/2
  auto rule = make_rule(config::Rule::fedbuff, t, 100);
  CHECK(!rule->add(arrival(0, 3)));
  const auto plan = rule->add(arrival(1, 0));
  REQUIRE(plan);
  CHECK(plan->parts[0].coefficient == doctest::Approx(0.5));
  CHECK(plan->parts[1].coefficient == doctest::Approx(1.0));
}

TEST_CASE("fedasync halves its mixing after so many updates, and begins anew with a lineage") {
  afu::config::TrainingSection t;
  t.mixing = 0.6;
  t.mixing_halved_at = 2;
  auto rule = make_rule(config::Rule::fedasync, t, 100);
  for (double expected : {0.6, 0.6, 0.3, 0.3})
    CHECK(rule->add(arrival(0, 0))->parts[0].coefficient == doctest::Approx(expected));
  rule->reset();
  CHECK(rule->add(arrival(0, 0))->keep == doctest::Approx(0.4));
}
