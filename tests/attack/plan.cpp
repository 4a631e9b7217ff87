#include "attack/plan.hpp"

#include <algorithm>
#include <set>

#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "data/federated.hpp"
#include "data/requests.hpp"
#include "metrics/evaluate_job.hpp"
#include "metrics/sets.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::attack;

namespace {

struct Built {
  std::shared_ptr<const config::Scenario> scenario;
  data::FederatedData data;
  std::shared_ptr<const metrics::EvaluationSets> evaluation;
  PlanPtr plan;

  explicit Built(const std::vector<std::string>& set) {
    const char* text = R"(
[data]
image_size = 12
train_samples = 400
val_samples = 60
test_samples = 60
[data.backdoor]
trigger = "patch"
fraction = 0.5
[partition]
clients = 4
holdout_fraction = 0.3
[[erasure]]
client = 1
at_update = 9
[stop]
updates = 20
)";
    scenario = std::make_shared<const config::Scenario>(
        config::parse_scenario(text, "plan.toml", set, {{"afu_ic", "", {}}}));
    data = data::federate(data::load_source(scenario->data, 1, ""), *scenario);
    evaluation = metrics::evaluation_sets(data, *scenario, data::requested_rows(data, *scenario));
    plan = plan_attacks(data, scenario, *evaluation);
  }

  /// Triggered copies among rows: all rows that stand behind the source's own.
  double poisoned_share(const data::Indices& rows) const {
    const auto n = std::count_if(rows.begin(), rows.end(), [&](auto r) { return r >= data.poisoned_begin; });
    return static_cast<double>(n) / static_cast<double>(rows.size());
  }
};

}  // namespace

TEST_CASE("plan: non-members are the target's own, poisoned to the share of the members, never test rows") {
  for (const char* erasure :
       {"evaluation.batch_size=256", "erasure[0]={client=1,scope=\"samples\",fraction=0.8,at_update=9}",
        "erasure[0]={scope=\"class\",class=0,at_update=9}"}) {
    CAPTURE(erasure);
    const Built b({erasure, "data.backdoor.client=1"});
    REQUIRE(b.plan);
    const auto& members = *b.plan->sets[forget];
    const auto& others = *b.plan->sets[holdout];
    REQUIRE(others.size() >= 10);
    CHECK(b.poisoned_share(members) > 0.1);
    CHECK(b.poisoned_share(others) == doctest::Approx(b.poisoned_share(members)).epsilon(0.15));
    std::set<std::int64_t> trained, test(b.data.test->begin(), b.data.test->end());
    for (const auto& c : b.data.clients) trained.insert(c.train->begin(), c.train->end());
    for (auto r : others) {
      CHECK(trained.count(r) == 0);
      CHECK(test.count(r) == 0);
    }
    for (auto set : {known_in, known_out})
      for (auto r : *b.plan->sets[set]) CHECK(std::count(members.begin(), members.end(), r) == 0);
  }
}

TEST_CASE("plan: without a backdoor in the forget set the non-members are the held-out samples") {
  const Built b({"data.backdoor.client=2"});  // somebody else's
  CHECK(*b.plan->sets[holdout] == *b.data.clients[1].holdout);
  const Built none({"data.backdoor.trigger=none"});
  CHECK(*none.plan->sets[holdout] == *none.data.clients[1].holdout);
  CHECK_FALSE(none.plan->sets[triggered]);
}

TEST_CASE("plan: reference models never see the forget set, and each has a half of its own") {
  const Built b({"evaluation.reference_models=2"});
  REQUIRE(b.plan->reference_rows.size() == 2);
  std::size_t all = 0;
  for (const auto& c : b.data.clients) all += c.train->size();
  for (const auto& rows : b.plan->reference_rows) {
    CHECK(rows->size() == (all - b.evaluation->forget->size() + 1) / 2);
    for (auto r : *b.evaluation->forget) CHECK(std::count(rows->begin(), rows->end(), r) == 0);
    for (auto r : *b.plan->sets[holdout]) CHECK(std::count(rows->begin(), rows->end(), r) == 0);
    for (auto r : *b.plan->sets[known_out]) CHECK(std::count(rows->begin(), rows->end(), r) == 0);
  }
  CHECK(*b.plan->reference_rows[0] != *b.plan->reference_rows[1]);
}

TEST_CASE("plan: there is none where nothing is asked for") {
  CHECK_FALSE(Built({"evaluation.attacks=none"}).plan);
  CHECK(Built({"evaluation.attacks=none", "output.snapshots=true"}).plan);
  CHECK(Built({"evaluation.reference_models=1", "evaluation.attacks=loss"}).plan->reference_rows.empty());
}
