#include "aggregate/rule.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "aggregate/staleness.hpp"
#include "config/sections/training.hpp"

namespace afu::aggregate {

using config::TrainingSection;

// One a file beside this one.
std::unique_ptr<Rule> make_fedavg(const TrainingSection&, double, std::size_t);
std::unique_ptr<Rule> make_fedbuff(const TrainingSection&, double, std::size_t);
std::unique_ptr<Rule> make_aso_fed(const TrainingSection&, double, std::size_t);
std::unique_ptr<Rule> make_port(const TrainingSection&, double, std::size_t);

namespace {

/// w += min(1, eta * s(tau) * omega_k) * delta (src/aggregate/README.md, async_delta).
class AsyncDelta : public Rule {
 public:
  AsyncDelta(const TrainingSection& t, double mean_samples)
      : Rule(config::Rule::async_delta),
        staleness_(t),
        eta_(t.server_lr),
        weighted_(t.weight_by_samples),
        mean_samples_(mean_samples) {}

  std::optional<MergePlan> add(Arrival a) override {
    const double omega = weighted_ ? sample_weight(a.samples, mean_samples_) : 1.0;
    const double coefficient = std::min(1.0, eta_ * staleness_(a.staleness) * omega);
    MergePlan plan;
    plan.parts.push_back({std::move(a), coefficient});
    return plan;
  }

 private:
  Staleness staleness_;
  double eta_;
  bool weighted_;
  double mean_samples_;
};

/// w = (1 - a) w + a (w_base + delta), a = alpha s(tau), computed afresh for each update (Xie et al. 2019,
/// alg. 1). The paper halves alpha late in training, the public codes do not: mixing_halved_at, by default
/// never.
class FedAsync : public Rule {
 public:
  explicit FedAsync(const TrainingSection& t)
      : Rule(config::Rule::fedasync),
        staleness_(t),
        alpha_(t.mixing),
        halved_at_(static_cast<std::uint64_t>(t.mixing_halved_at)) {}

  std::optional<MergePlan> add(Arrival a) override {
    const double alpha = halved_at_ > 0 && merged_ >= halved_at_ ? alpha_ / 2 : alpha_;
    const double coefficient = std::min(1.0, alpha * staleness_(a.staleness));
    ++merged_;
    MergePlan plan;
    plan.keep = 1.0 - coefficient;
    plan.whole_model = true;
    plan.parts.push_back({std::move(a), coefficient});
    return plan;
  }

  void reset() override { merged_ = 0; }

 private:
  Staleness staleness_;
  double alpha_;
  std::uint64_t halved_at_, merged_ = 0;  ///< updates
};

}  // namespace

double sample_weight(std::int64_t samples, double mean_samples) {
  return std::clamp(static_cast<double>(samples) / mean_samples, 0.4, 1.6);
}

std::unique_ptr<Rule> make_rule(config::Rule name, const TrainingSection& t, double mean_samples,
                                std::size_t clients) {
  using Name = config::Rule;
  switch (name) {
    case Name::async_delta:
      return std::make_unique<AsyncDelta>(t, mean_samples);
    case Name::fedavg:
      return make_fedavg(t, mean_samples, clients);
    case Name::fedasync:
      return std::make_unique<FedAsync>(t);
    case Name::fedbuff:
      return make_fedbuff(t, mean_samples, clients);
    case Name::aso_fed:
      return make_aso_fed(t, mean_samples, clients);
    case Name::port:
      return make_port(t, mean_samples, clients);
  }
  throw std::logic_error("training.rule is none of the rules");
}

}  // namespace afu::aggregate
