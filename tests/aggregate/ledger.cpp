#include "aggregate/ledger.hpp"

#include <torch/types.h>

#include "base/random.hpp"
#include "config/sections/training.hpp"
#include "engine/combine_job.hpp"
#include "model/parameters.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::aggregate;

namespace {

const auto layout = [] {
  auto l = std::make_shared<model::Layout>();
  l->parameters = {{"w", {5}, 0, 5}};
  l->parameter_count = 5;
  return l;
}();

model::ParametersPtr wrap(torch::Tensor t) {
  return std::make_shared<const model::ParameterVector>(model::ParameterVector{layout, t, torch::empty({0})});
}
model::ParametersPtr random(base::Stream& s) {
  auto t = torch::empty({5}, torch::kFloat);
  for (int i = 0; i < 5; ++i) t[i] = s.normal();
  return wrap(t);
}
/// What a lane would answer.
std::vector<model::ParametersPtr> on_a_lane(const engine::CombineJob& job) {
  std::vector<model::ParametersPtr> out;
  for (const auto& c : job.outputs) {
    auto t = c.start ? c.start->values * c.keep : torch::zeros({5});
    for (const auto& term : c.terms) t = t + term.vector->values * term.coefficient;
    out.push_back(wrap(t));
  }
  return out;
}
double distance(const torch::Tensor& a, const torch::Tensor& b) { return (a - b).abs().max().item<double>(); }

}  // namespace

TEST_CASE("after 300 FedAsync merges the accumulators and the initial model make up the model") {
  config::TrainingSection t;
  auto rule = make_rule(config::Rule::fedasync, t, 1);
  Ledger ledger({false, true, false}, {0, 1, 2, 3}, true);
  base::Stream s({1, 2, 3, 4});
  const auto initial = random(s);
  auto w = initial;
  double initial_mass = 1;
  for (int i = 0; i < 300; ++i) {
    Arrival a;
    a.client = static_cast<std::uint32_t>(s.below(4));
    a.staleness = s.below(6);
    a.base = w;
    a.delta = random(s);
    const auto plan = *rule->add(a);
    const auto& p = plan.parts[0];
    engine::CombineJob job;
    ledger.extend(plan, job);
    ledger.apply(plan, on_a_lane(job), 0);
    w = wrap(w->values * plan.keep + (a.base->values + a.delta->values) * p.coefficient);
    initial_mass *= plan.keep;
  }
  auto sum = initial->values * initial_mass;
  double mass = initial_mass;
  for (const auto& c : ledger.clients()) {
    if (c.accumulator) sum = sum + c.accumulator->values;
    mass += c.mass;
  }
  CHECK(mass == doctest::Approx(1.0).epsilon(1e-12));
  CHECK(distance(sum, w->values) < 1e-4);
}

TEST_CASE("with a delta rule the influence is the sum of what was merged, and others leave it alone") {
  config::TrainingSection t;
  auto rule = make_rule(config::Rule::async_delta, t, 1);
  Ledger ledger({true, false, false}, {2});
  base::Stream s({5, 6, 7, 8});
  auto expected = torch::zeros({5});
  for (int i = 0; i < 40; ++i) {
    Arrival a;
    a.client = static_cast<std::uint32_t>(s.below(4));
    a.staleness = s.below(6);
    a.delta = random(s);
    a.samples = 1;
    const auto plan = *rule->add(a);
    if (a.client == 2) expected = expected + a.delta->values * plan.parts[0].coefficient;
    engine::CombineJob job;
    ledger.extend(plan, job);
    CHECK(job.outputs.size() == (a.client == 2 ? 1 : 0));
    ledger.apply(plan, on_a_lane(job), 0);
  }
  REQUIRE(ledger.find(2)->influence);
  CHECK(distance(ledger.find(2)->influence->values, expected) < 1e-5);
  CHECK(ledger.bytes() == 20);
  ledger.forget(2);
  CHECK(!ledger.find(2)->influence);
  CHECK(ledger.find(1) == nullptr);
}

TEST_CASE("in mixing form the influence is what would be missing had the client sent no difference") {
  // Two runs of the same merges, with and without the client's deltas: the gap between the models is S_u.
  config::TrainingSection t;
  auto rule = make_rule(config::Rule::fedasync, t, 1);
  Ledger ledger({true, false, false}, {0});
  base::Stream s({9, 9, 9, 9});
  const auto initial = random(s);
  std::vector<torch::Tensor> with{initial->values}, without{initial->values};
  std::vector<std::vector<model::ParametersPtr>> influence{ledger.snapshot()};
  for (int i = 0; i < 60; ++i) {
    const auto base = with.size() - 1 - std::min<std::size_t>(with.size() - 1, s.below(4));
    Arrival a;
    a.client = static_cast<std::uint32_t>(s.below(3));
    a.staleness = with.size() - 1 - base;
    a.base = wrap(with[base]);
    a.base_influence = influence[base];
    a.delta = random(s);
    const auto plan = *rule->add(a);
    const double c = plan.parts[0].coefficient;
    engine::CombineJob job;
    ledger.extend(plan, job);
    ledger.apply(plan, on_a_lane(job), 0);
    with.push_back(with.back() * plan.keep + (with[base] + a.delta->values) * c);
    without.push_back(without.back() * plan.keep +
                      (a.client == 0 ? without[base] : without[base] + a.delta->values) * c);
    influence.push_back(ledger.snapshot());
  }
  CHECK(distance(with.back() - without.back(), ledger.find(0)->influence->values) < 1e-4);
}

TEST_CASE("accumulators and initial model make up the model where late updates are rebased or differences") {
  config::TrainingSection t;
  auto rule = make_rule(config::Rule::fedasync, t, 1);
  Ledger ledger({false, true, false}, {0, 1, 2}, true);
  base::Stream s({1, 2, 3, 4});
  auto w = random(s);
  auto initial = w->values.clone();
  double initial_mass = 1;
  for (int i = 0; i < 60; ++i) {
    Arrival a;
    a.client = static_cast<std::uint32_t>(s.below(3));
    a.base = w;
    a.delta = random(s);
    const bool difference = i % 3 == 1;
    if (i % 3 == 2) a.rebase = {{0.5, random(s)}, {-2.0, random(s)}};
    auto plan = *rule->add(a);
    if (difference) plan.whole_model = false, plan.keep = 1.0;
    const double c = plan.parts[0].coefficient;
    engine::CombineJob job;
    ledger.extend(plan, job);
    ledger.apply(plan, on_a_lane(job), 0);
    auto next = w->values * plan.keep + a.delta->values * c;
    if (!difference) next = next + a.base->values * c;
    for (const auto& [weight, vector] : a.rebase) next = next + vector->values * (weight * c);
    w = wrap(next);
    initial_mass *= plan.keep;
  }
  auto sum = initial * initial_mass;
  for (const auto& c : ledger.clients()) sum = sum + c.accumulator->values;
  CHECK(distance(sum, w->values) < 1e-4);
  CHECK_FALSE(ledger.find(0)->influence);  // all of it is where a removal looks for it
}

TEST_CASE("a removal of what the ledger counts and does not hold is no erasure that changes nothing") {
  Ledger ledger({false, true, false}, {0}, true);
  MergePlan plan;
  plan.keep = 0.5;
  plan.whole_model = true;
  plan.parts.push_back({{}, 0.5});
  base::Stream s({1, 2, 3, 4});
  const auto w = random(s);
  CHECK(ledger.removal(0, w, true).front().terms.empty());  // it has not taken part
  ledger.apply(plan, {}, 0);
  CHECK_THROWS_AS(ledger.removal(0, w, true), std::logic_error);
}

TEST_CASE("the version that a client's update made is kept until the next one is made without it") {
  Ledger ledger({false, false, true}, {1});
  base::Stream s({1, 2, 3, 4});
  const auto first = random(s), second = random(s);
  MergePlan plan;
  plan.parts.push_back({{}, 0.5});
  plan.parts[0].arrival.client = 1;
  ledger.apply(plan, {first}, 1);
  CHECK(ledger.find(1)->last_model == first);
  plan.correction = true;
  ledger.apply(plan, {second}, 1);
  CHECK(ledger.find(1)->last_model == first);
  plan.correction = false;
  plan.parts[0].arrival.client = 0;
  ledger.apply(plan, {second}, 1);
  CHECK_FALSE(ledger.find(1)->last_model);
}
