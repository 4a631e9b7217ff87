#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "aggregate/rule.hpp"
#include "base/elementary.hpp"
#include "config/sections/training.hpp"
#include "engine/combine_job.hpp"

namespace afu::aggregate {
namespace {

using config::TrainingSection;
using model::ParametersPtr;

/// ASO-Fed (Chen et al. 2020). The paper writes, with the surrogate gradient g_k = w^t - w_after of a local
/// pass, zeta_k = g_k - g_k^prev + h_k, h_k <- beta h_k + (1 - beta) g_k^prev, g_k^prev <- g_k and
/// w <- w - (n_k / N) r_k zeta_k. Here everything is of the opposite sign, as differences are: delta = -g, so
/// w += c (delta - prev + h) with c = (n_k / N) r_k, h <- beta h + (1 - beta) prev, prev <- delta.
///
/// What differs from the paper: h_k and g_k^prev stand at the server, not at the client, which is the same
/// arithmetic; r_k = max(1, log d_k) takes as the client's average delay d_k the running mean of its updates'
/// staleness, in versions; N are the training samples of all clients, as they were at the start. The
/// surrogate's proximal term is training.prox_mu.
class AsoFed : public Rule {
 public:
  AsoFed(const TrainingSection& t, double all_samples)
      : Rule(config::Rule::aso_fed),
        beta_(t.aso_beta),
        feature_step_(t.aso_feature_step),
        all_samples_(all_samples) {}

  std::optional<MergePlan> add(Arrival a) override {
    auto& c = clients_[a.client];
    c.mean_staleness +=
        (static_cast<double>(a.staleness) - c.mean_staleness) / static_cast<double>(++c.updates);
    const double stretch = c.mean_staleness > 0 ? std::max(1.0, base::log(c.mean_staleness)) : 1.0;
    const double coefficient = static_cast<double>(a.samples) / all_samples_ * stretch;
    MergePlan plan;
    plan.parts.push_back({std::move(a), coefficient});
    return plan;
  }

  /// Appends, for each part, h_k where it changes, then prev_k where a guard makes it other than the delta.
  void extend(const MergePlan& plan, engine::CombineJob& job) override {
    using engine::Combination;
    for (const auto& p : plan.parts) {
      const auto& c = clients_[p.arrival.client];
      auto& next = job.outputs.front();
      if (c.previous) next.terms.push_back({-p.coefficient, c.previous, nullptr});
      if (c.balance) next.terms.push_back({p.coefficient, c.balance, nullptr});
      if (c.previous)
        job.outputs.push_back(Combination{c.balance, beta_, {{1 - beta_, c.previous, nullptr}}, {}});
      if (p.arrival.guard)
        job.outputs.push_back(Combination{nullptr, 1.0, {{1.0, p.arrival.delta, p.arrival.guard}}, {}});
    }
    if (feature_step_) job.outputs.front().transform = Combination::Transform::feature_softmax;
  }

  void apply(const MergePlan& plan, const std::vector<ParametersPtr>& outputs,
             std::size_t first_output) override {
    if (outputs.empty()) return;
    for (const auto& p : plan.parts) {
      auto& c = clients_[p.arrival.client];
      if (c.previous) c.balance = outputs.at(first_output++);
      c.previous = p.arrival.guard ? outputs.at(first_output++) : p.arrival.delta;
    }
  }

  std::int64_t forget(std::uint32_t client) override { return clients_.erase(client), 0; }
  void reset() override { clients_.clear(); }

 private:
  struct Client {
    double mean_staleness = 0;
    std::uint64_t updates = 0;
    ParametersPtr balance, previous;  ///< h_k, prev_k; null: zero
  };
  double beta_;
  bool feature_step_;
  double all_samples_;
  std::map<std::uint32_t, Client> clients_;
};

}  // namespace

std::unique_ptr<Rule> make_aso_fed(const TrainingSection& t, double mean_samples, std::size_t clients) {
  return std::make_unique<AsoFed>(t, mean_samples * static_cast<double>(clients));
}

}  // namespace afu::aggregate
