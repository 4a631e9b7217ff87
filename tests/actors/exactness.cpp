// Exact methods leave nothing of the target: with a convex model this can be measured.
#include "model/parameters.hpp"

#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

/// The same federation with the target's images poisoned and as they are.
bool depends_on_the_targets_data(const std::string& method, const std::string& rule) {
  std::vector<std::string> set{"unlearning.method=" + method, "training.rule=" + rule,
                               "unlearning.knot.disparity_weight=0",  // clusters by speed only
                               "stop.updates=44"};
  const auto poisoned = play(small, set);
  set.emplace_back("data.backdoor.trigger=none");
  const auto clean = play(small, set);
  CHECK(poisoned.result.summary.ended == "completed");
  REQUIRE(poisoned.result.summary.erasures.at(0).requested_at.value() > 0);
  return poisoned.result.summary.model_sha256 != clean.result.summary.model_sha256;
}

}  // namespace

TEST_CASE("retrain and knot: not a bit of the model depends on the target's data") {
  for (const char* rule : {"async_delta", "fedbuff"}) {
    CAPTURE(rule);
    CHECK(!depends_on_the_targets_data("retrain", rule));
    CHECK(!depends_on_the_targets_data("knot", rule));
    CHECK(depends_on_the_targets_data("none", rule));
    CHECK(depends_on_the_targets_data("subtract", rule));  // others have trained on what it had changed
  }
}

TEST_CASE("logreg: retrain and knot come to the same optimum, that of the others' data") {
  // Strongly convex, one full-batch step a job, all equally fast: the fixed point is that of their mean loss.
  const auto trained = [](const std::string& method, bool erase = true) {
    std::vector<std::string> set{"unlearning.method=" + method,
                                 "unlearning.knot.clusters=1",
                                 "training.local_steps=1",
                                 "training.batch_size=4096",
                                 "training.momentum=0",
                                 "training.weight_decay=0.2",
                                 "training.lr=0.02",
                                 "training.clip_norm=0",
                                 "training.server_lr=1",
                                 "heterogeneity.compute.slowdown={distribution=\"constant\",value=1.0}",
                                 "erasure[0].at_update=600",
                                 "evaluation.every_updates=10000",
                                 "evaluation.dense_updates=0"};
    set.emplace_back(erase ? "stop.updates=2400" : "stop.updates=600");
    if (!erase) set.emplace_back("erasure[0].at_update=599");
    return play(small, set).result.report.outcome.model->values;
  };
  const auto retrained = trained("retrain"), knot = trained("knot"), with = trained("none", false);
  const auto distance = [](const torch::Tensor& a, const torch::Tensor& b) {
    return (a - b).norm().item<double>();
  };
  CHECK(retrained.norm().item<double>() > 0.1);
  CHECK(distance(retrained, with) > 0.02 * retrained.norm().item<double>());  // the target's part is seen
  CHECK(distance(retrained, knot) < 1e-3 * distance(retrained, with));
}
