#include "federate/shortfalls.hpp"

#include <algorithm>
#include <memory>

#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "federate/holdings.hpp"
#include "methods/registry.hpp"

#include <doctest/doctest.h>

using namespace afu;

namespace {

/// Four clients with plenty of everything; `more` is TOML that follows.
std::vector<std::string> warnings(const std::string& more, const std::vector<std::string>& set = {}) {
  const std::string text = R"(
[data]
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
  const auto scenario = std::make_shared<const config::Scenario>(
      config::parse_scenario(text + more, "s.toml", set, methods::method_sections()));
  return federate::gather(scenario).warnings;
}

bool told(const std::vector<std::string>& all, const std::string& what) {
  return std::any_of(all.begin(), all.end(),
                     [&](const std::string& w) { return w.find(what) != std::string::npos; });
}

const std::string ask = "[[erasure]]\nclient = 1\nat_update = 5\n";

}  // namespace

TEST_CASE("where the data give what was asked for nothing is told") {
  CHECK(warnings(ask) == std::vector<std::string>{});
  CHECK(warnings("[data.backdoor]\ntrigger = \"patch\"\n" + ask) == std::vector<std::string>{});
  CHECK(warnings("") == std::vector<std::string>{});
}

TEST_CASE("a request without non-members is told, and so are the attacks that need them") {
  const auto none = warnings(ask, {"partition.holdout_fraction=0"});
  CHECK(told(none, "erasure[0]: client 1 has no held-out sample"));
  CHECK(told(none, "those of membership are left out"));
  CHECK(told(none, "there are no held-out samples of clients that ask for nothing"));
  // A hundred clients of two or three samples: 0.15 of three is none, but one is held out.
  const auto few = warnings(ask, {"partition.clients=100"});
  CHECK(told(few, "client 1 holds 1 of 3 samples out"));
  CHECK(told(few, "too few for \"scrub\""));
}

TEST_CASE("held-out samples of another kind than those to be forgotten are told with what helps") {
  // One sample is held out. Where its class is the backdoor's it cannot carry the trigger, else it would.
  int none = 0, all = 0;
  for (int label = 0; label < 3; ++label) {
    CAPTURE(label);
    const auto of = std::to_string(label);
    const auto w = warnings("[data.backdoor]\ntrigger = \"patch\"\nlabel = " + of + "\n" + ask,
                            {"partition.holdout_fraction=0.02"});
    CHECK_FALSE(told(w, "client 1 has no held-out sample"));
    CHECK(told(w, "of its 59 samples carry the backdoor's trigger, and of the 1 that client 1 holds out "));
    CHECK(told(w, "a larger partition.holdout_fraction (it is 0.02), helps"));
    none += told(
        w, " holds out none can, since all are of class " + of + ", data.backdoor.label itself: with none");
    all += told(w, " holds out all would: with none");
  }
  CHECK(none == 1);
  CHECK(all == 2);
}

TEST_CASE("classes that a split lacks are told, but not those to be forgotten") {
  CHECK(told(warnings(ask, {"data.test_samples=2"}), "the test split has no image of class"));
  CHECK_FALSE(told(warnings("[unlearning]\nmethod = \"none\"\n[[erasure]]\nscope = \"class\"\nclass = 2\n"
                            "at_update = 5\n"),
                   "test split"));
}

TEST_CASE("calibration images of a class that is to be forgotten are left out, and that is told") {
  const std::string of_class = "[[erasure]]\nscope = \"class\"\nclass = 1\nat_update = 5\n";
  CHECK(told(warnings(of_class), "images are of a class that is to be forgotten, and are left out"));
  CHECK_FALSE(told(warnings(ask), "are left out"));
}

TEST_CASE("a calibration set that clients share is told where there is a calibration") {
  CHECK(told(warnings(ask, {"calibration.samples_per_environment=40"}),
             "places are taken by images that stand in another one too"));
  CHECK_FALSE(told(warnings(ask, {"calibration.samples_per_environment=40", "unlearning.method=none"}),
                   "calibration"));
}

TEST_CASE("where every client asks nothing is retained, and it is told") {
  std::string all = "[unlearning]\nmethod = \"none\"\n";
  for (int c = 0; c < 4; ++c)
    all += "[[erasure]]\nclient = " + std::to_string(c) + "\nscope = \"samples\"\nat_update = 5\n";
  const auto w = warnings(all);
  CHECK(told(w, "every client asks for an erasure: there is no retain accuracy"));
  CHECK(told(w, "no training samples of clients that ask for nothing"));
}

TEST_CASE("a backdoor without poison, and relearning from fewer samples than its name says, are told") {
  CHECK(told(warnings("[data.backdoor]\ntrigger = \"patch\"\nfraction = 0\n" + ask),
             "no sample carries the trigger"));
  CHECK(told(warnings(ask, {"evaluation.attacks=[\"relearn_32\"]", "partition.clients=20"}),
             "\"relearn_32\" relearns from all"));
}

TEST_CASE("what a run refuses is refused when its data are gathered, in timing-only runs as well") {
  const std::string part = "[[erasure]]\nclient = 1\nscope = \"samples\"\nat_update = 5\n";
  for (const char* execute : {"train", "timing"}) {
    CAPTURE(execute);
    CHECK_THROWS_AS(warnings(part, {"partition.clients=200", std::string("scenario.execute=") + execute}),
                    data::DataError);
  }
}

TEST_CASE("what figures by client have nothing to tell of is told") {
  const std::vector<std::string> by_client{"evaluation.by_client=true"};
  CHECK(warnings(ask, {"evaluation.by_client=true", "partition.shift.noise=0.1"}) ==
        std::vector<std::string>{});
  const auto no_sites = warnings(ask, by_client);
  CHECK(told(no_sites, "evaluation.by_client: it is not known which site a test image comes from"));
  CHECK_FALSE(told(no_sites, "hold out no samples"));
  const auto none = warnings(ask, {"evaluation.by_client=true", "partition.holdout_fraction=0"});
  CHECK(told(none, "evaluation.by_client: 4 of 4 clients hold out no samples that count"));
}
