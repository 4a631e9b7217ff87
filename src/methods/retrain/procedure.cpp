/// Retraining from scratch, the reference that all others are held against: initial weights, of the run or
/// its own, the target absent, as many accepted updates as the erased lineage had, counting those of the
/// target as done. Of a class: all clients take part, without their samples of it, and all updates are made
/// again.
#include <string>

#include "config/declare.hpp"
#include "config/scenario.hpp"
#include "methods/registry.hpp"
#include "methods/script.hpp"

namespace afu::methods {
namespace {

Script retrain(Request request, const Now& now) {
  const auto goal = now->updates;
  co_yield Restart{request.coordination == Coordination::blocking};
  // The restart counts the target's updates as done.
  if (goal > now->updates) co_yield AwaitUpdates{goal - now->updates};
  co_yield Forgotten{};
}

void check(const config::Scenario& s, const config::Complain& complain) {
  const auto seed = s.unlearning.methods.at("retrain").integer("init_seed");
  if (seed > 0 && config::traits(s.model.name).imported)
    complain(
        "unlearning.retrain.init_seed",
        std::to_string(seed) +
            " draws no weights, model.name is \"torchscript\", which starts from its file's; allowed is 0");
}

}  // namespace

Method retrain_method() {
  Method m;
  m.name = "retrain";
  m.help =
      "Trains again from the initial weights without the target, or at all clients without the class; the "
      "old model is served meanwhile.";
  m.traits.restarts = true;
  m.traits.scopes = {Scope::client, Scope::samples, Scope::data_class};
  m.options = {config::number(
      "init_seed", 0, config::from(0, 9e15),
      "Of the weights that the retraining starts from; 0: those that the run started from. Retrains that differ in "
      "it alone share the training up to the request, and tell how far two models that never saw the data lie from "
      "each other.")};
  m.traits.coordinations = {Coordination::concurrent, Coordination::blocking};
  m.check = &check;
  m.start = &scripted<&retrain>;
  return m;
}

}  // namespace afu::methods
