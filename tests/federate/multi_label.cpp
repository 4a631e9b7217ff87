// What is refused, and what told, of images with any number of labels before anything runs.
#include "federate/multi_label.hpp"

#include <algorithm>
#include <memory>
#include <string>

#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "federate/holdings.hpp"
#include "methods/registry.hpp"

#include <doctest/doctest.h>

using namespace afu;

namespace {

federate::Holdings holdings(const std::vector<std::string>& set = {}, bool erasure = true) {
  const std::string text = R"(
[data]
task = "multi_label"
image_size = 8
classes = 3
train_samples = 240
val_samples = 120
test_samples = 60
[partition]
clients = 4
[model]
name = "logreg"
[stop]
updates = 40
)";
  return federate::gather(std::make_shared<const config::Scenario>(
      config::parse_scenario(text + (erasure ? "[[erasure]]\nclient = 0\nat_update = 10\n" : ""), "s.toml",
                             set, methods::method_sections())));
}

std::string refusal(const std::vector<std::string>& set) {
  try {
    holdings(set);
  } catch (const data::DataError& e) {
    return e.what();
  }
  return "nothing was refused";
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("methods that need one class an image are refused with their reason, others are not") {
  for (const auto& m : methods::methods()) {
    CAPTURE(m.name);
    if (m.name == "prune") {
      CHECK_FALSE(m.one_class.empty());  // of a class alone
      continue;
    }
    const auto text = refusal({"unlearning.method=" + m.name});
    if (m.one_class.empty()) {
      CHECK(text == "nothing was refused");
      continue;
    }
    CHECK(has(text, "unlearning.method: \"" + m.name + "\" needs images of one class"));
    CHECK(has(text, m.one_class));
    CHECK(has(text, "allowed are afu_ic, "));
  }
  CHECK(holdings({"unlearning.method=fedquit"}, false).data->multi_label());  // nobody asks
}

TEST_CASE("a class to be forgotten, attacks of one class and the kernels' step are refused, all at once") {
  const auto text =
      refusal({"evaluation.attacks=[\"loss\",\"class_thresholds\"]", "unlearning.method=relabel"});
  CHECK(has(text, "evaluation.attacks: \"class_thresholds\" needs images of one class"));
  CHECK(has(text, "unlearning.method: \"relabel\""));
  config::Scenario s;
  s.compute.step = config::StepEngine::kernels;
  CHECK_THROWS_WITH_AS(federate::check_multi_label(s),
                       doctest::Contains("compute.step: \"kernels\" has no kernel"), data::DataError);
  CHECK(has(refusal({"erasure=[{scope=\"class\",class=1,at_update=10}]"}),
            "erasure[0].scope: \"class\" needs"));
}

TEST_CASE("attacks that the usual choice would bring are left out with a word") {
  const auto h = holdings({"evaluation.attacks=[\"default\"]"});
  REQUIRE(static_cast<bool>(h.attacks));
  CHECK_FALSE(h.attacks->asks("class_thresholds"));
  CHECK(h.attacks->asks("loss"));
  CHECK(std::any_of(h.warnings.begin(), h.warnings.end(), [](const std::string& w) {
    return has(w, "there is no \"class_thresholds\" (it has one threshold a class");
  }));
}
