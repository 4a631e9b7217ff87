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

namespace {

/// An update of that client, whose delta is the sum of its parts.
MergePlan in_parts(std::uint32_t client, std::size_t shards, double coefficient, base::Stream& s) {
  Arrival a;
  a.client = client;
  auto sum = torch::zeros({5});
  for (std::size_t k = 0; k < shards; ++k) {
    a.parts.push_back(random(s));
    sum += a.parts.back()->values;
  }
  a.delta = wrap(sum);
  MergePlan plan;
  plan.parts.push_back({std::move(a), coefficient});
  return plan;
}

void merge(Ledger& ledger, const MergePlan& plan) {
  engine::CombineJob job;
  ledger.extend(plan, job);
  ledger.apply(plan, on_a_lane(job), 0);
}

torch::Tensor sum_of(const Tracked& t) {
  auto sum = torch::zeros({5});
  for (const auto& v : t.shards)
    if (v) sum += v->values;
  return sum;
}

LedgerNeeds by_shard(std::size_t shards, double decay = 0) {
  LedgerNeeds needs;
  needs.influence = true;
  needs.shards = shards;
  needs.decay = decay;
  return needs;
}

}  // namespace

TEST_CASE("a ledger by shard adds up to the ledger of the whole client") {
  for (const double decay : {0.0, 0.25}) {
    Ledger whole(by_shard(1, decay), {0, 2}), parts(by_shard(3, decay), {0, 2});
    base::Stream s({1, 2, 3, 5});
    for (int i = 0; i < 40; ++i) {
      const auto plan = in_parts(static_cast<std::uint32_t>(s.below(4)), 3, 0.1 + 0.8 * s.uniform(), s);
      merge(whole, plan), merge(parts, plan);
    }
    for (std::uint32_t c : {0u, 2u}) {
      REQUIRE(parts.find(c)->shards.size() == 3);
      CHECK(parts.find(c)->influence == nullptr);
      CHECK(whole.find(c)->shards.empty());
      CHECK(distance(sum_of(*parts.find(c)), whole.find(c)->influence->values) < 1e-5);
      CHECK(parts.find(c)->contributions == whole.find(c)->contributions);
      CHECK(parts.find(c)->share() == whole.find(c)->share());
    }
    CHECK(parts.bytes() == 3 * whole.bytes());
  }
}

TEST_CASE("a correction takes of each shard's influence the part that it takes of the delta") {
  Ledger ledger(by_shard(2), {0});
  base::Stream s({1, 2, 3, 6});
  auto plan = in_parts(0, 2, 0.8, s);
  merge(ledger, plan);
  plan.correction = true;
  plan.parts.front().coefficient = -0.6;
  merge(ledger, plan);
  for (std::size_t k : {0u, 1u})
    CHECK(distance(ledger.find(0)->shards[k]->values, 0.2 * plan.parts.front().arrival.parts[k]->values) <
          1e-6);
  CHECK(ledger.find(0)->contributions == 1);
}

TEST_CASE("shards are taken out one by one, and what others have contributed stays") {
  Ledger ledger(by_shard(3), {0, 1});
  base::Stream s({1, 2, 3, 7});
  for (int i = 0; i < 4; ++i) merge(ledger, in_parts(0, 3, 0.5, s));
  merge(ledger, in_parts(1, 3, 0.5, s));
  const auto before = *ledger.find(0);
  TakenOut part{0, nullptr, before.contributions, {{1, before.shards[1]}}};
  ledger.take_out_shards(part, {nullptr});
  CHECK(ledger.find(0)->shards[0] == before.shards[0]);
  CHECK(ledger.find(0)->shards[1] == nullptr);
  CHECK(ledger.find(0)->shards[2] == before.shards[2]);
  CHECK(ledger.find(0)->contributions == 4);
  CHECK(ledger.find(1)->shards[1] != nullptr);
  const auto rest = random(s);
  part.shards = {{0, before.shards[0]}, {2, before.shards[2]}};
  ledger.take_out_shards(part, {nullptr, rest});
  CHECK(ledger.find(0)->shards[2] == rest);
  CHECK(ledger.find(0)->contributions == 4);
  merge(ledger, in_parts(0, 3, 0.5, s));
  part.shards.clear();
  for (std::size_t k = 0; k < 3; ++k) part.shards.push_back({k, ledger.find(0)->shards[k]});
  ledger.take_out_shards(part, {nullptr, nullptr, nullptr});
  CHECK(ledger.find(0)->contributions == 1);  // the one since the request
  CHECK(ledger.find(0)->shards.size() == 3);
  ledger.forget(1);
  CHECK(ledger.find(1)->shards == std::vector<model::ParametersPtr>(3));
  CHECK(ledger.bytes() == 0);
}

TEST_CASE("an update without its parts makes no entry by shard") {
  Ledger ledger(by_shard(3), {0});
  base::Stream s({1, 2, 3, 8});
  engine::CombineJob job;
  CHECK_THROWS_AS(ledger.extend(in_parts(0, 2, 0.5, s), job), std::logic_error);
}
