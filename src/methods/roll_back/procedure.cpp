/// Rolls back to the last version that the target has hardly touched, and trains on from there without it: what
/// informed federated unlearning does (Fraboni et al. 2024; see README.md), without its noise.
#include "config/declare.hpp"
#include "methods/registry.hpp"
#include "methods/script.hpp"

namespace afu::methods {
namespace {

/// To the last version of which at most `share` of all that was merged is the target's, by weight; to the first one where
/// there is no other.
Replace hardly_touched(const aggregate::History& history, std::uint32_t target, double share) {
  Replace found{history.first(), history.first_version(), true};
  double all = 0, own = 0;
  for (const auto& round : history.rounds()) {
    for (const auto& c : round.contributions) {
      all += c.weight;
      if (c.client == target) own += c.weight;
    }
    if (own <= share * all) found = Replace{round.end, round.end_version, true};
  }
  return found;
}

Script roll_back(Request request, const Now& now) {
  co_yield Halt{};
  if (now->history->begun())
    co_yield hardly_touched(*now->history, request.client, now->settings->real("share"));
  co_yield Resume{};
  co_yield Forgotten{};
}

}  // namespace

Method roll_back_method() {
  Method m;
  m.name = "roll_back";
  m.help =
      "Goes back to the last version that the target has hardly touched; the training that goes on recovers the rest.";
  m.traits.needs.history.rounds = true;
  m.traits.needs.history.models = true;
  m.traits.default_coordination = Coordination::blocking;
  m.traits.coordinations = {Coordination::blocking};
  m.traits.scopes = {Scope::client};
  m.traits.refusals = {{Scope::samples, "what it weighs are whole clients' contributions"},
                       {Scope::data_class, "what it weighs are whole clients' contributions"}};
  m.options = {
      config::number("share", 0.01, config::from(0, 1),
                     "Part of all merged weight that may be the target's in the version gone back to.")};
  m.start = &scripted<&roll_back>;
  return m;
}

}  // namespace afu::methods
