#include "aggregate/rule_buffered.hpp"

#include <algorithm>
#include <utility>

#include "aggregate/staleness.hpp"
#include "config/sections/training.hpp"
#include "engine/combine_job.hpp"

namespace afu::aggregate {

using config::TrainingSection;

std::int64_t Buffered::forget(std::uint32_t client) {
  momentum_.reset();
  const auto before = buffer_.size();
  buffer_.erase(
      std::remove_if(buffer_.begin(), buffer_.end(), [&](const Arrival& a) { return a.client == client; }),
      buffer_.end());
  return static_cast<std::int64_t>(before - buffer_.size());
}

void Buffered::reset() {
  buffer_.clear();
  momentum_.reset();
}

void Buffered::extend(const MergePlan& plan, engine::CombineJob& job) {
  if (beta_ == 0) return;
  engine::Combination next{momentum_, beta_, {}, {}};
  for (const auto& p : plan.parts) next.terms.push_back({p.coefficient, p.arrival.delta, p.arrival.guard});
  if (momentum_) job.outputs.front().terms.push_back({beta_, momentum_, nullptr});
  job.outputs.push_back(std::move(next));
}

void Buffered::apply(const MergePlan&, const std::vector<model::ParametersPtr>& outputs,
                     std::size_t first_output) {
  if (beta_ != 0 && first_output < outputs.size()) momentum_ = outputs[first_output];
}

MergePlan Buffered::take() {
  MergePlan plan;
  for (auto& b : buffer_) plan.parts.push_back({std::move(b), 0});
  buffer_.clear();
  return plan;
}

namespace {

/// w += eta_g / D * sum s(tau_i) delta_i once B updates are in (Nguyen et al. 2022, alg. 1). D = B is the
/// paper's form; with buffer_normalisation "staleness" D = sum s(tau_i), so that a buffer of late updates
/// counts as much as one of fresh ones. With a staleness_average t > 0 it is s(tau_i) / s(t), FLSim's
/// normalisation; the paper has none.
class FedBuff : public Buffered {
 public:
  explicit FedBuff(const TrainingSection& t)
      : Buffered(config::Rule::fedbuff, t.server_momentum),
        staleness_(t),
        unit_(t.staleness_average > 0 ? staleness_.at(t.staleness_average) : 1.0),
        eta_(t.server_lr),
        by_staleness_(t.buffer_normalisation == config::BufferDivisor::staleness),
        size_(static_cast<std::size_t>(t.buffer_size)) {}

  std::optional<MergePlan> add(Arrival a) override {
    buffer_.push_back(std::move(a));
    if (buffer_.size() < size_) return std::nullopt;
    auto plan = take();
    double divisor = 0;
    for (auto& p : plan.parts) divisor += p.coefficient = staleness_(p.arrival.staleness) / unit_;
    if (!by_staleness_) divisor = static_cast<double>(size_);
    for (auto& p : plan.parts) p.coefficient *= divisor > 0 ? eta_ / divisor : 0.0;
    return plan;
  }

 private:
  Staleness staleness_;
  double unit_;
  double eta_;
  bool by_staleness_;
  std::size_t size_;
};

/// w += sum n_i / (sum n) delta_i over a round, all from the same base (McMahan et al. 2017, alg. 1). With
/// round_weights "uniform" each counts 1 / |S|, as in IBM's code and those derived from it.
class FedAvg : public Buffered {
 public:
  explicit FedAvg(const TrainingSection& t)
      : Buffered(config::Rule::fedavg, t.server_momentum),
        uniform_(t.round_weights == config::RoundWeight::uniform) {}

  std::optional<MergePlan> add(Arrival a) override {
    buffer_.push_back(std::move(a));
    return std::nullopt;
  }
  std::optional<MergePlan> flush() override {
    if (buffer_.empty()) return std::nullopt;
    auto plan = take();
    double total = 0;
    for (auto& p : plan.parts)
      total += p.coefficient = uniform_ ? 1.0 : static_cast<double>(p.arrival.samples);
    for (auto& p : plan.parts) p.coefficient /= total;
    return plan;
  }

 private:
  bool uniform_;
};

}  // namespace

std::unique_ptr<Rule> make_fedbuff(const TrainingSection& t, double, std::size_t) {
  return std::make_unique<FedBuff>(t);
}
std::unique_ptr<Rule> make_fedavg(const TrainingSection& t, double, std::size_t) {
  return std::make_unique<FedAvg>(t);
}

}  // namespace afu::aggregate
