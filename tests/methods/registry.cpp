#include "methods/registry.hpp"

#include <algorithm>

#include "config/loader.hpp"
#include "config/scenario.hpp"

#include <doctest/doctest.h>

using namespace afu;

namespace {

std::string message_of(const std::string& method, const std::string& erasure,
                       const std::vector<std::string>& set = {}) {
  const auto text = "[unlearning]\nmethod = \"" + method + "\"\n[[erasure]]\nat_update = 1\n" + erasure +
                    "\n[stop]\nupdates = 9\n";
  try {
    config::parse_scenario(text, "s.toml", set, methods::method_sections());
  } catch (const config::ConfigError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("every scope a method lacks is refused with the reason") {
  for (const auto& m : methods::methods())
    for (auto scope : {methods::Scope::client, methods::Scope::samples, methods::Scope::data_class}) {
      CAPTURE(m.name);
      CAPTURE(config::name_of(scope));
      const auto& has = m.traits.scopes;
      const bool supported = std::find(has.begin(), has.end(), scope) != has.end();
      const auto why = std::find_if(m.traits.refusals.begin(), m.traits.refusals.end(),
                                    [&](const auto& r) { return r.first == scope; });
      CHECK((why != m.traits.refusals.end()) == !supported);
      if (!supported) CHECK(why->second.size() > 10);
    }
  CHECK(
      message_of("kd", "scope = \"class\"\nclass = 1") ==
      "s.toml:5:9: erasure[0].scope: \"class\" is not supported, the method \"kd\" supports \"client\": it subtracts "
      "the sum of a client's whole contributions");
}

TEST_CASE("class scope has its reference and its control") {
  for (const char* method : {"retrain", "none", "afu_ic", "not", "fine_tune", "prune"})
    CHECK(message_of(method, "scope = \"class\"\nclass = 1") == "");
}

TEST_CASE("who serves a part of a client's samples serves those of subjects too, and nobody else does") {
  const std::string subject = "scope = \"subject\"\nsubject = \"p1\"";
  const std::vector<std::string> files{"data.source=manifest", "data.path=x.csv"};
  for (const auto& m : methods::methods()) {
    CAPTURE(m.name);
    const auto has = methods::scopes_of(m);
    const auto serves = [&](methods::Scope s) { return std::count(has.begin(), has.end(), s) > 0; };
    CHECK(serves(methods::Scope::subject) == serves(methods::Scope::samples));
    const auto refused = message_of(m.name, subject, files);
    if (serves(methods::Scope::samples))
      CHECK(refused == "");
    else
      CHECK(refused.find("\"subject\" is not supported, the method \"" + m.name + "\" supports ") !=
            std::string::npos);
  }
  CHECK(message_of("prune", subject, files).find(": channels tell classes apart, not samples") !=
        std::string::npos);
}

TEST_CASE("what needs calibration images of clients that do not ask is refused where all ask") {
  const std::string both =
      "client = 0\nscope = \"samples\"\n[[erasure]]\nat_update = 2\nclient = 1\nscope = \"samples\"";
  const auto refused = message_of("afu_ic", both, {"partition.clients=2"});
  CHECK(
      refused.find("calibration.steps: a calibration needs images of a client that asks for no erasure, and "
                   "all 2 ask") != std::string::npos);
  CHECK(message_of("afu_ic", both,
                   {"partition.clients=2", "calibration.steps=0", "calibration.window_steps=0"}) == "");
  CHECK(message_of("afu_ic", both, {"partition.clients=3"}) == "");
  CHECK(message_of("gradient_ascent", both, {"partition.clients=2"}) == "");
}

TEST_CASE("methods whose mathematics are of gradient steps refuse Adam, knot refuses a schedule") {
  for (const std::string method : {"fedrecovery", "sifu"})
    for (const std::string optimiser : {"adam", "adamw"}) {
      const auto told = message_of(method, "client = 0", {"training.optimiser=" + optimiser});
      CAPTURE(told);
      CHECK(told.find("training.optimiser: \"" + optimiser + "\": ") != std::string::npos);
      CHECK(told.find("allowed is \"sgd\"") != std::string::npos);
    }
  CHECK(message_of("subtract", "client = 0", {"training.optimiser=adam"}) == "");
  CHECK(message_of("knot", "client = 0", {"training.warm_up=2"}).find("training.warm_up: ") !=
        std::string::npos);
  CHECK(message_of("knot", "client = 0", {"training.schedule=step", "training.schedule_every=5"})
            .find("training.schedule: ") != std::string::npos);

  const std::string name = "federaser";
  const auto& federaser = methods::find_method(name);
  config::Scenario s;
  CHECK(federaser.warning(s) == "");
  s.training.optimiser = config::LocalOptimiser::adam;
  CHECK(federaser.warning(s).find("\"adam\"") != std::string::npos);
}

TEST_CASE("a retraining from a file's weights has no seed of its own") {
  CHECK(message_of("retrain", "client = 0",
                   {"model.name=torchscript", "model.path=net.pt", "unlearning.retrain.init_seed=4"})
            .find("unlearning.retrain.init_seed: 4 draws no weights") != std::string::npos);
}
