/// SIFU (Fraboni et al. 2024; see README.md): back to the last version on which the target's bounded sensitivity lies below a
/// threshold, with Gaussian noise on it; training goes on from there without the target. Sequential: what is gone back from is
/// no part of the history any more, so a later request goes back on the branch that the model is on.
#include <utility>

#include "config/declare.hpp"
#include "config/scenario.hpp"
#include "methods/registry.hpp"
#include "methods/script.hpp"
#include "methods/shared.hpp"
#include "methods/sifu/job.hpp"

namespace afu::methods {
namespace {

Erase choice_of_version(const View& view, const Request& request) {
  const auto& s = *view.settings;
  SifuJob job;
  job.first = view.history->first();
  if (view.model)
    for (const auto& round : view.history->rounds()) job.rounds.push_back(remembered(round, request.client));
  job.mean = view.synchronous;
  job.contraction = s.real("contraction");
  job.sigma = s.real("sigma");
  const double delta = s.real("delta") > 0 ? s.real("delta") : 1.0 / static_cast<double>(view.clients);
  job.threshold = sifu_threshold(s.real("epsilon"), delta, job.sigma);
  job.key = {view.scenario->scenario.seed, base::purpose("sifu"), request.client, request.index};
  return {std::move(job), 0, false};
}

/// The number of the version that the job chose; the first one's in timing-only runs, where no length is known.
std::uint64_t chosen(const aggregate::History& history, const job::JobResult* result) {
  const auto rounds = result ? static_cast<std::size_t>(result->figures.at("rounds")) : 0;
  return rounds == 0 ? history.first_version() : history.rounds().at(rounds - 1).end_version;
}

Script sifu(Request request, const Now& now) {
  co_yield Halt{};
  if (now->history->begun()) {
    const auto* result = co_yield choice_of_version(now.view(), request);
    co_yield Replace{first_output(result), chosen(*now->history, result), true};
  }
  co_yield Resume{};
  co_yield Forgotten{};
}

void check(const config::Scenario& s, const config::Complain& complain) {
  refuse_adam(
      s, complain,
      "the method \"sifu\" bounds how far a client's steps of gradient descent carry a difference on");
  if (config::traits(s.training.rule).whole_model)
    complain(
        "training.rule",
        "\"fedasync\" mixes models: how far one that left would have moved the others the method \"sifu\" cannot bound; "
        "allowed are the other rules");
}

}  // namespace

Method sifu_method() {
  Method m;
  m.name = "sifu";
  m.help =
      "Goes back to the last version on which the target's bounded sensitivity lies below a threshold, adds noise, and trains "
      "on without the target.";
  m.traits.needs.history.rounds = true;
  m.traits.needs.history.models = true;
  m.traits.default_coordination = Coordination::blocking;
  m.traits.coordinations = {Coordination::blocking};
  m.traits.scopes = {Scope::client};
  m.traits.refusals = {{Scope::samples, "what it bounds are whole clients' contributions"},
                       {Scope::data_class, "what it bounds are whole clients' contributions"}};
  using namespace config;
  m.options = {
      number("epsilon", 1.0, above(0, 1e6),
             "Of (epsilon, delta): the larger, the later the version that is gone back to."),
      number("delta", 0.0, from(0, 1), "Of (epsilon, delta); 0: 1 over the number of clients."),
      number("sigma", 0.05, above(0, 1e6), "Deviation of the noise on each parameter."),
      number(
          "contraction", 1.0, above(0, 1e6),
          "What a round makes of an earlier difference: 1 for convex losses, below 1 for strongly convex ones, above 1 "
          "otherwise."),
  };
  m.check = &check;
  m.start = &scripted<&sifu>;
  m.jobs = {job::type_of<SifuJob>()};
  return m;
}

}  // namespace afu::methods
