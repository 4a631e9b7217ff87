// Training rules that keep state, and EWC, in whole small federations.
#include <torch/types.h>

#include <string>

#include "model/parameters.hpp"

// After torch, whose CHECK doctest's must replace.
#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

using Set = std::vector<std::string>;

Set with(Set all, const Set& more) {
  all.insert(all.end(), more.begin(), more.end());
  return all;
}
torch::Tensor values(const Played& p) {
  REQUIRE(p.result.report.failure == "");
  REQUIRE(p.result.report.outcome.model);
  return p.result.report.outcome.model->values;
}
double distance(const torch::Tensor& a, const torch::Tensor& b) { return (a - b).norm().item<double>(); }

const std::vector<Set> stateful{
    {"training.rule=aso_fed", "training.prox_mu=0.01"},
    {"training.rule=port"},
    {"training.rule=fedbuff", "training.server_momentum=0.9", "training.buffer_normalisation=staleness"},
    {"training.rule=fedavg", "training.server_momentum=0.9"},
};

}  // namespace

TEST_CASE("rules with state: what a run comes to does not depend on the number of lanes") {
  for (const auto& rule : stateful) {
    CAPTURE(rule.front());
    const auto common = with(rule, {"unlearning.method=gradient_ascent", "training.ewc_strength=0.5",
                                    "training.aso_feature_step=true"});
    const auto one = play(small, with(common, {"compute.lanes=1"}));
    const auto four = play(small, with(common, {"compute.lanes=4"}));
    CHECK(one.result.report.failure == "");
    CHECK(one.result.summary.ended == "completed");
    CHECK(one.text == four.text);
    CHECK(one.result.summary.model_sha256.size() == 64);
    CHECK(one.result.summary.model_sha256 == four.result.summary.model_sha256);
  }
}

TEST_CASE("rules with state: methods that need no ledger erase and go on, in timing-only runs too") {
  for (const auto& rule : stateful)
    for (const char* method : {"retrain", "fedquit", "gradient_ascent", "none"})
      for (const char* execute : {"scenario.execute=train", "scenario.execute=timing"}) {
        CAPTURE(rule.front());
        CAPTURE(method);
        CAPTURE(execute);
        const auto p = play(small, with(rule, {std::string("unlearning.method=") + method, execute}));
        CHECK(p.result.report.failure == "");
        CHECK(p.result.summary.ended == "completed");
        REQUIRE(p.result.summary.erasures.size() == 1);
        CHECK(p.result.summary.erasures[0].forgotten_at.has_value() == (method != std::string("none")));
      }
}

TEST_CASE("rules with state learn") {
  for (const auto& rule : stateful) {
    CAPTURE(rule.front());
    const auto p = play(small, with(rule, {"unlearning.method=none", "stop.updates=120"}));
    REQUIRE(p.result.report.failure == "");
    REQUIRE(p.result.report.rows.size() > 2);
    CHECK(*p.result.report.rows.back().test_loss < *p.result.report.rows.front().test_loss);
  }
}

TEST_CASE("EWC holds what counts as erased where it is") {
  const Set common{"unlearning.method=gradient_ascent", "training.clip_norm=0"};
  const Set without{"training.ewc_strength=0"}, strong{"training.ewc_strength=8"};
  // Until the erasure ends both are the same run. Its end is the anchor: the run is stopped there to see it.
  const auto whole = play(small, with(common, without));
  REQUIRE(whole.result.summary.erasures.at(0).forgotten_at.has_value());
  const auto end = std::to_string(*whole.result.summary.erasures[0].forgotten_at + 1e-5);
  const auto anchor = [&](const Set& ewc) {
    return values(play(small, with(with(common, ewc), {"stop.updates=0", "stop.seconds=" + end})));
  };
  const auto start = anchor(without);
  REQUIRE(at::equal(start, anchor(strong)));
  const auto later = with(common, {"stop.updates=80"});
  const auto free = play(small, with(later, without)), held = play(small, with(later, strong));
  const auto weak = play(small, with(later, {"training.ewc_strength=1"}));
  const double far = distance(values(free), start);
  MESSAGE("moved by ", far, ", with EWC by ", distance(values(weak), start), " and ",
          distance(values(held), start));
  CHECK(distance(values(weak), start) < 0.95 * far);
  CHECK(distance(values(held), start) < 0.7 * far);
  CHECK(held.result.summary.erasures.at(0).server_passes ==
        free.result.summary.erasures.at(0).server_passes + 5 * 4 * 3);  // clients, samples each, classes
}
