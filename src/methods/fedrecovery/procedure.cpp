/// FedRecovery (Zhang et al., TIFS 2023; see README.md): a weighted sum of the residuals that the target left
/// in every round is taken out at once, and noise may be added. Public codes contradict each other; the
/// default variant is the derivation: delta_i = pi (Delta_u - Delta) / (1 - pi), pi the target's share of round
/// i, weighted by |Delta|^2 over its sum over all rounds. Rounds of asynchronous rules are pseudo-rounds.
///
/// `variant` = "code" is FedAU's port. Its residual
/// (Delta - Delta_u / n) / (n - 1) is what the others left, so it takes out the wrong thing; here pi stands
/// in the place of its 1 / n, which is the same where all weigh alike. Its weight of round i is |Delta_i|^2
/// over the sum of the rounds before; the first round, which has none, counts nothing here. Its scale is 5. Its
/// noise, a fixed sigma of 0.020 to 0.025 whatever epsilon is asked for, is left to `sigma`. A round of the target alone has no residual and is passed by.
#include <optional>
#include <utility>

#include "config/declare.hpp"
#include "config/scenario.hpp"
#include "methods/fedrecovery/job.hpp"
#include "methods/one_job.hpp"
#include "methods/registry.hpp"
#include "methods/shared.hpp"

namespace afu::methods {
namespace {

std::optional<Erase> recovery(const View& view, const Request& request) {
  const auto& settings = *view.settings;
  FedrecoveryJob job;
  job.model = view.model;
  bool took_part = false;
  for (const auto& round : view.history->rounds()) {
    auto r = remembered(round, request.client);
    took_part = took_part || !r.target.empty();
    if (r.share >= 1) r.target.clear();  // a round of the target alone has no residual to speak of
    job.rounds.push_back(std::move(r));
  }
  if (!took_part) return std::nullopt;
  if (settings.text("weights") == "earlier") job.weights = RoundWeights::earlier;
  if (settings.text("residual") == "retained") job.residual = Residual::retained;
  job.scale = settings.real("scale");
  job.sigma = settings.real("sigma");
  job.epsilon = settings.real("epsilon");
  job.beta = settings.real("beta");
  job.sensitivity = settings.real("sensitivity");
  job.key = {view.scenario->scenario.seed, base::purpose("fedrecovery"), request.client, request.index};
  return Erase{std::move(job), 0, false};
}

Script fedrecovery(Request request, const Now& now) {
  return erase_at_server(std::move(request), now, &recovery);
}

void check(const config::Scenario& s, const config::Complain& complain) {
  refuse_adam(s, complain,
              "the residuals that the method \"fedrecovery\" takes out are taken for sums of gradients");
}

}  // namespace

Method fedrecovery_method() {
  Method m;
  m.name = "fedrecovery";
  m.help =
      "Takes a weighted sum of the target's residuals in all rounds out of the model, and may add noise.";
  m.traits.needs.history.rounds = true;
  m.traits.needs.history.models = true;
  m.traits.scopes = {Scope::client};
  m.traits.refusals = {{Scope::samples, "it takes out residuals of whole updates"},
                       {Scope::data_class, "it takes out residuals of whole updates"}};
  m.traits.coordinations = {Coordination::concurrent, Coordination::blocking};
  using namespace config;
  m.options = {
      variant(
          {"derivation", "code"},
          "What is taken out. derivation: what the target added to each round, by the round's part of the sum of all squared "
          "steps. code: as FedAU's port has it, what the others did, by the round's squared step over the sum of those before "
          "it; the first round then counts nothing."),
      number(
          "scale", 1.0, from(0, 1e9),
          "Size of the correction: 1 is sum p_i delta_i with weights p_i that sum to 1; the number of rounds is "
          "the size of the unweighted sum.")
          .in_variant("code", 5.0),
      choice("weights", {"all", "earlier"}, "What a round's squared step is divided by to be its weight p_i.")
          .in_variant("code", "earlier")
          .retire(),
      choice("residual", {"target", "retained"},
             "delta_i: what the target added to the round, or the others.")
          .in_variant("code", "retained")
          .retire(),
      number(
          "sigma", 0.0, from(0, 1e6),
          "Deviation of the noise on each parameter; public codes use 0.020 to 0.025, whatever epsilon is."),
      number("epsilon", 0.0, from(0, 1e6),
             "Above 0: sigma follows from (epsilon, beta)-indistinguishability."),
      number("beta", 1e-5, above(0, 1), "Failure probability of the indistinguishability."),
      number("sensitivity", 1.0, above(0, 1e9), "Bound on the distance to the retrained model, for epsilon."),
  };
  m.check = &check;
  m.start = &scripted<&fedrecovery>;
  m.jobs = {job::type_of<FedrecoveryJob>()};
  return m;
}

}  // namespace afu::methods
