// Whole runs on volumes.
#include <algorithm>

#include "data/dataset.hpp"
#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

std::vector<std::string> with(const std::string& method, std::vector<std::string> more = {}) {
  more.insert(more.end(), {"data.depth=8", "data.image_size=8", "unlearning.method=" + method,
                           "unlearning.fine_tune.updates=4", "unlearning.fedosd.rounds=3",
                           "unlearning.fedosd.recovery_rounds=2", "unlearning.pga.epochs=1"});
  if (method == "afu_ic_paper") more.emplace_back("calibration.steps=2");
  return more;
}

bool notes(const Played& p, const std::string& part) {
  const auto& all = p.result.notes;
  return std::any_of(all.begin(), all.end(),
                     [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("every method erases a client, or a class, of volumes and goes on") {
  for (const auto& method : methods::methods()) {
    CAPTURE(method.name);
    auto set = with(method.name, {"model.name=cnn_small", "evaluation.attacks=[\"none\"]"});
    if (method.name == "prune")
      set.insert(set.end(), {"erasure=[{scope=\"class\",class=1,at_update=18}]", "data.backdoor.client=0"});
    const auto p = play(small, set);
    CHECK(p.result.report.failure == "");
    CHECK(p.result.summary.ended == "completed");
    CHECK(p.result.depth == 8);
    REQUIRE(p.result.summary.erasures.size() == 1);
    CHECK(p.result.summary.erasures[0].forgotten_at.has_value() == (method.name != "none"));
    CHECK(p.result.summary.final.test_auc.has_value());
  }
}

TEST_CASE("volumes: calibrations of every invariance, the Fisher anchor and EWC run to their end") {
  for (const std::string invariance : {"irm", "vrex", "perturbation", "difference", "features"}) {
    CAPTURE(invariance);
    const auto p = play(small, with("afu_ic", {"model.name=cnn_small", "calibration.invariance=" + invariance,
                                               "calibration.steps=3", "training.ewc_strength=0.1",
                                               "evaluation.attacks=[\"none\"]"}));
    CHECK(p.result.report.failure == "");
    CHECK(p.result.summary.ended == "completed");
  }
}

TEST_CASE("volumes: attacks, augmentation and scanners, with the same event log again, and the notes") {
  std::string first;
  for (int i = 0; i < 2; ++i) {
    const auto p =
        play(small, with("afu_ic", {"evaluation.attacks=[\"default\",\"relearn_8\"]",
                                    "training.augment.flip=true", "training.augment.rotate=10",
                                    "training.augment.shift=1", "partition.shift.contrast=0.3",
                                    "partition.shift.bias_field=0.3", "partition.shift.resolution=0.5"}));
    CHECK(p.result.report.failure == "");
    CHECK(p.result.summary.final.mia_auc.has_value());
    CHECK(p.result.summary.final.attack_success_rate.has_value());
    CHECK(notes(p, "training steps on the CPU: autograd: volumes have no kernels"));
    CHECK(notes(p, "same bytes on this processor only: the network goes through LibTorch's operators"));
    if (first.empty()) first = p.text;
    CHECK(p.text == first);
  }
}
