// Whole runs on images with any number of labels.
#include <algorithm>

#include "data/label_set.hpp"
#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

std::vector<std::string> with(const std::string& method, std::vector<std::string> more = {}) {
  more.insert(more.end(), {"data.task=multi_label", "data.backdoor.label=1", "unlearning.method=" + method,
                           "unlearning.fine_tune.updates=4", "unlearning.fedosd.rounds=3",
                           "unlearning.fedosd.recovery_rounds=2", "unlearning.pga.epochs=1",
                           "evaluation.attacks=[\"none\"]"});
  if (method == "afu_ic_paper") more.emplace_back("calibration.steps=2");
  return more;
}

}  // namespace

TEST_CASE("every method that serves sets of labels erases a client and goes on") {
  for (const auto& method : methods::methods()) {
    CAPTURE(method.name);
    if (method.name == "prune") continue;  // of a class alone, which is refused: federate/multi_label.cpp
    if (!method.one_class.empty()) {
      CHECK_THROWS_AS(play(small, with(method.name)), data::DataError);
      continue;
    }
    const auto p = play(small, with(method.name));
    CHECK(p.result.report.failure == "");
    CHECK(p.result.summary.ended == "completed");
    REQUIRE(p.result.summary.erasures.size() == 1);
    CHECK(p.result.summary.erasures[0].forgotten_at.has_value() == (method.name != "none"));
    REQUIRE(p.result.summary.test_set);
    CHECK(p.result.summary.test_set->labels == 3);
    CHECK(p.result.summary.final.test_auc.has_value());
    CHECK(p.result.summary.final.attack_success_rate.has_value());
  }
}

TEST_CASE("sets of labels: calibrations of every invariance, the Fisher anchor and EWC run to their end") {
  for (const std::string invariance : {"irm", "vrex", "perturbation", "difference", "features"}) {
    CAPTURE(invariance);
    const auto p = play(small, with("afu_ic", {"model.name=cnn_small", "calibration.invariance=" + invariance,
                                               "calibration.steps=3", "training.ewc_strength=0.1"}));
    CHECK(p.result.report.failure == "");
    CHECK(p.result.summary.ended == "completed");
  }
}

TEST_CASE("sets of labels: the usual attacks, on both of the CPU's engines, with the same event log again") {
  std::string first;
  for (const std::string step : {"fused", "autograd", "fused"}) {
    CAPTURE(step);
    const auto p = play(small, {"data.task=multi_label", "data.backdoor.label=1", "compute.step=" + step,
                                "evaluation.attacks=[\"default\",\"relearn_8\"]"});
    CHECK(p.result.report.failure == "");
    CHECK(p.result.summary.final.mia_auc.has_value());
    if (step == "autograd") continue;
    if (first.empty()) first = p.text;
    CHECK(p.text == first);
  }
}
