/// FedRecovery (Zhang et al., TIFS 2023; see README.md): a weighted sum of the residuals that the target left
/// in every round is taken out at once, and noise may be added. Public codes contradict each other; the
/// defaults are the derivation's: delta_i = pi (Delta_u - Delta) / (1 - pi), pi the target's share of round
/// i, weighted by |Delta|^2 over its sum over all rounds. Rounds of asynchronous rules are pseudo-rounds.
///
/// What differs from FedAU's port: it is weights = "earlier", residual = "retained", scale = 5. Its residual
/// (Delta - Delta_u / n) / (n - 1) is what the others left, so it takes out the wrong thing; here pi stands
/// in the place of its 1 / n, which is the same where all weigh alike. Its weight of round i is |Delta_i|^2
/// over the sum of the rounds before; the first round, which has none, counts nothing here. Its noise is a
/// fixed sigma, whatever epsilon is asked for. A round of the target alone has no residual and is passed by.
#include <utility>

#include "config/scenario.hpp"
#include "engine/kernel_job.hpp"
#include "methods/registry.hpp"
#include "methods/server_erasure.hpp"

namespace afu::methods {
namespace {

class FedRecovery : public EraseAtServer {
 public:
  using EraseAtServer::EraseAtServer;

 protected:
  std::optional<Erase> erase(const View& view) override {
    job::KernelJob job;
    job.kernel = "fedrecovery";
    job.settings = *view.settings;
    job.key = {view.scenario->scenario.seed, base::purpose("fedrecovery"), request().client, request().index};
    job.inputs = {view.model};
    bool took_part = false;
    for (const auto& round : view.history->rounds()) {
      double all = 0, own = 0;
      std::vector<const aggregate::Contribution*> mine;
      for (const auto& c : round.contributions) {
        all += c.weight;
        if (c.client != request().client) continue;
        own += c.weight;
        mine.push_back(&c);
      }
      took_part = took_part || !mine.empty();
      if (!view.model) continue;
      job.inputs.insert(job.inputs.end(), {round.start, round.end});
      const double share = all > 0 ? own / all : 0;
      const bool counted = share < 1;  // a round of the target alone has no residual to speak of
      job.numbers.insert(job.numbers.end(), {share, counted ? static_cast<double>(mine.size()) : 0.0});
      if (!counted) continue;
      for (const auto* c : mine) {
        job.numbers.push_back(c->weight);
        job.inputs.push_back(c->delta);
      }
    }
    if (!took_part) return std::nullopt;
    return Erase{std::move(job), 0, false};
  }
};

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
  m.options = {
      {"scale",
       1.0,
       "Size of the correction: 1 is sum p_i delta_i with weights p_i that sum to 1; the number of rounds is "
       "the size of the unweighted sum; FedAU's port has 5.",
       "",
       0.0,
       1e9,
       false,
       {}},
      {"weights",
       std::string{"all"},
       "What a round's squared step is divided by to be its weight p_i. all: the sum over all rounds. "
       "earlier: over the rounds before it, as FedAU's port has it; the first round then counts nothing.",
       "",
       0,
       0,
       false,
       {"all", "earlier"}},
      {"residual",
       std::string{"target"},
       "delta_i. target: what the target added to the round, as the derivation has it. retained: what the "
       "others did, as FedAU's port has it.",
       "",
       0,
       0,
       false,
       {"target", "retained"}},
      {"sigma",
       0.0,
       "Deviation of the noise on each parameter; public codes use 0.02.",
       "",
       0.0,
       1e6,
       false,
       {}},
      {"epsilon",
       0.0,
       "Above 0: sigma follows from (epsilon, beta)-indistinguishability.",
       "",
       0.0,
       1e6,
       false,
       {}},
      {"beta", 1e-5, "Failure probability of the indistinguishability.", "", 0.0, 1.0, true, {}},
      {"sensitivity",
       1.0,
       "Bound on the distance to the retrained model, for epsilon.",
       "",
       0.0,
       1e9,
       true,
       {}},
  };
  m.start = [](const Request& r) -> std::unique_ptr<Procedure> { return std::make_unique<FedRecovery>(r); };
  return m;
}

}  // namespace afu::methods
