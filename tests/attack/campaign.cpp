#include "attack/campaign.hpp"

#include "attack/jobs.hpp"
#include "config/scenario.hpp"
#include "model/parameters.hpp"

// After torch: its logging headers define a CHECK of their own, which doctest's must replace.
#include <doctest/doctest.h>

using namespace afu;
using namespace afu::attack;

namespace {

std::shared_ptr<Plan> plan(std::vector<std::string> names, std::size_t references = 0) {
  auto p = std::make_shared<Plan>();
  p->names = std::move(names);
  p->sets.resize(set_count);
  p->reference_rows.resize(references);
  p->scenario = std::make_shared<const config::Scenario>();
  return p;
}
model::ParametersPtr version() { return std::make_shared<const model::ParameterVector>(); }
record::MetricsRow row(std::uint64_t updates, const char* phase) {
  record::MetricsRow r;
  r.version = r.updates = updates;
  r.phase = phase;
  return r;
}
job::JobResult answer(double value) {
  job::JobResult r;
  r.figures["loss.auc"] = value;
  r.numbers = {value};
  return r;
}
const AttackJob& attack_of(const Campaign::Order& o) { return *o.job.as<AttackJob>(); }

}  // namespace

TEST_CASE("campaign: before, merged, sixteen updates later, final") {
  Campaign c(plan({"loss", "relearn", "relearn_8"}));
  CHECK(c.begin().empty());
  CHECK(c.see(row(0, "training"), version(), false).empty());
  CHECK(c.see(row(8, "training"), version(), false).empty());
  const auto found = version(), last = version();
  const auto before = c.see(row(10, "training"), found, true);
  REQUIRE(before.size() == 1);
  CHECK(attack_of(before[0]).model == found);
  CHECK_FALSE(attack_of(before[0]).asks("relearn"));  // only at the end
  CHECK(c.see(row(12, "erasing"), version(), false).empty());
  CHECK(c.see(row(13, "forgotten"), version(), false).size() == 1);
  CHECK(c.see(row(28, "forgotten"), version(), false).empty());
  CHECK(c.see(row(30, "forgotten"), version(), false).size() == 1);
  CHECK(c.see(row(50, "forgotten"), last, false).empty());
  const auto end = c.end();
  REQUIRE(end.size() == 1);
  CHECK(attack_of(end[0]).model == last);
  CHECK(attack_of(end[0]).before == found);
  CHECK(attack_of(end[0]).asks("relearn"));
  CHECK(attack_of(end[0]).asks("relearn_8"));
  CHECK_FALSE(attack_of(end[0]).asks("relearn_32"));
  CHECK_FALSE(attack_of(before[0]).asks("relearn_8"));

  // Rows come in the points' order, whichever is done first.
  CHECK_FALSE(c.idle());
  c.take(end[0].number, answer(0.4));
  CHECK(c.rows().empty());
  c.take(before[0].number, answer(0.1));
  auto rows = c.rows();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].point == "before");
  CHECK(rows[0].updates == 10);
  CHECK(rows[0].attack == "loss");
  CHECK(rows[0].figure == "auc");
  CHECK(rows[0].value == 0.1);
  c.take(before[0].number + 1, answer(0.2));
  c.take(before[0].number + 2, answer(0.3));
  rows = c.rows();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].point == "merged");
  CHECK(rows[1].point == "plus16");
  CHECK(rows[2].point == "final");
  CHECK(c.idle());
}

TEST_CASE(
    "campaign: the merge is the first version that contains the erasure, not the first calibrated one") {
  Campaign c(plan({"loss"}));
  const auto erased = [](record::MetricsRow r) {
    r.epoch = 1;
    return r;
  };
  CHECK(c.see(row(10, "training"), version(), true).size() == 1);
  CHECK(c.see(row(10, "erasing"), version(), false).empty());  // still the one that the request found
  const auto bare = version();
  const auto merged = c.see(erased(row(11, "erasing")), bare, false);
  REQUIRE(merged.size() == 1);
  CHECK(attack_of(merged[0]).model == bare);
  CHECK(c.see(erased(row(13, "forgotten")), version(), false).empty());  // calibrated
  CHECK(c.see(erased(row(27, "forgotten")), version(), false).size() == 1);

  Campaign again(plan({"loss"}));  // training that begins again holds the erasure from its first weights on
  CHECK(again.see(row(10, "training"), version(), true).size() == 1);
  CHECK(again.see(erased(row(0, "erasing")), version(), false).empty());
  CHECK(again.see(erased(row(12, "erasing")), version(), false).empty());
  CHECK(again.see(erased(row(13, "forgotten")), version(), false).size() == 1);
}

TEST_CASE("campaign: attacks wait for the reference models and get all their answers") {
  Campaign c(plan({"lira"}, 2));
  const auto references = c.begin();
  REQUIRE(references.size() == 2);
  REQUIRE(references[0].job.as<ReferenceJob>());
  CHECK(references[0].job.as<ReferenceJob>()->key.actor != references[1].job.as<ReferenceJob>()->key.actor);
  CHECK(c.see(row(5, "training"), version(), true).empty());
  CHECK_FALSE(c.idle());
  CHECK(c.take(references[1].number, answer(7)).empty());
  const auto attacks = c.take(references[0].number, answer(6));
  REQUIRE(attacks.size() == 1);
  CHECK_FALSE(attack_of(attacks[0]).backdoor_target.any());
  CHECK(attack_of(attacks[0]).references == std::vector<std::vector<double>>{{6}, {7}});
  c.take(attacks[0].number, answer(1));
  CHECK(c.idle());
}

TEST_CASE("campaign: models are kept where the plan says so, without attacks as well") {
  auto p = plan({});
  p->keep_models = true;
  Campaign c(p);
  const auto last = version();
  CHECK(c.see(row(5, "training"), version(), true).empty());
  CHECK(c.see(row(6, "forgotten"), last, false).empty());
  CHECK(c.end().empty());
  CHECK(c.idle());
  REQUIRE(c.models().size() == 3);
  CHECK(c.models()[1].second == last);
  CHECK(c.models()[2].first == "final");  // one version may be two points
  CHECK(c.models()[2].second == last);
}
