#include "aggregate/rule.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "aggregate/staleness.hpp"

namespace afu::aggregate {
namespace {

using config::TrainingSection;

/// w += min(1, eta * s(tau) * omega_k) * delta (AFU-IC.md; METHODS 2.4, 9.1 R4).
class AsyncDelta : public Rule {
 public:
  AsyncDelta(const TrainingSection& t, double mean_samples)
      : staleness_(Staleness::parse(t.staleness, t.staleness_a, t.staleness_b)),
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

/// w = (1 - a) w + a (w_base + delta), a = alpha s(tau), computed afresh for each update (METHODS 2.2).
class FedAsync : public Rule {
 public:
  explicit FedAsync(const TrainingSection& t)
      : staleness_(Staleness::parse(t.staleness, t.staleness_a, t.staleness_b)), alpha_(t.mixing) {}

  bool whole_model() const override { return true; }
  std::optional<MergePlan> add(Arrival a) override {
    const double coefficient = std::min(1.0, alpha_ * staleness_(a.staleness));
    MergePlan plan;
    plan.keep = 1.0 - coefficient;
    plan.whole_model = true;
    plan.parts.push_back({std::move(a), coefficient});
    return plan;
  }

 private:
  Staleness staleness_;
  double alpha_;
};

/// Shared by the rules that hold updates back.
class Buffered : public Rule {
 public:
  std::int64_t forget(std::uint32_t client) override {
    const auto before = buffer_.size();
    buffer_.erase(
        std::remove_if(buffer_.begin(), buffer_.end(), [&](const Arrival& a) { return a.client == client; }),
        buffer_.end());
    return static_cast<std::int64_t>(before - buffer_.size());
  }
  void reset() override { buffer_.clear(); }

 protected:
  std::vector<Arrival> buffer_;
};

/// w += eta_g / B * sum s(tau_i) delta_i once B updates are in (METHODS 2.3: divided by B, not by the sum of
/// s).
class FedBuff : public Buffered {
 public:
  explicit FedBuff(const TrainingSection& t)
      : staleness_(Staleness::parse(t.staleness, t.staleness_a, t.staleness_b)),
        eta_(t.server_lr),
        size_(static_cast<std::size_t>(t.buffer_size)) {}

  std::optional<MergePlan> add(Arrival a) override {
    buffer_.push_back(std::move(a));
    if (buffer_.size() < size_) return std::nullopt;
    MergePlan plan;
    for (auto& b : buffer_) {
      const double coefficient = eta_ * staleness_(b.staleness) / static_cast<double>(size_);
      plan.parts.push_back({std::move(b), coefficient});
    }
    buffer_.clear();
    return plan;
  }

 private:
  Staleness staleness_;
  double eta_;
  std::size_t size_;
};

/// w += sum n_i / (sum n) delta_i over a round, all from the same base (METHODS 2.1).
class FedAvg : public Buffered {
 public:
  bool synchronous() const override { return true; }
  std::optional<MergePlan> add(Arrival a) override {
    buffer_.push_back(std::move(a));
    return std::nullopt;
  }
  std::optional<MergePlan> flush() override {
    if (buffer_.empty()) return std::nullopt;
    double total = 0;
    for (const auto& b : buffer_) total += static_cast<double>(b.samples);
    MergePlan plan;
    for (auto& b : buffer_) {
      const double coefficient = static_cast<double>(b.samples) / total;
      plan.parts.push_back({std::move(b), coefficient});
    }
    buffer_.clear();
    return plan;
  }
};

struct Entry {
  const char* name;
  std::unique_ptr<Rule> (*make)(const TrainingSection&, double);
};
const Entry table[] = {
    {"async_delta",
     [](const TrainingSection& t, double n) -> std::unique_ptr<Rule> {
       return std::make_unique<AsyncDelta>(t, n);
     }},
    {"fedavg",
     [](const TrainingSection&, double) -> std::unique_ptr<Rule> { return std::make_unique<FedAvg>(); }},
    {"fedasync",
     [](const TrainingSection& t, double) -> std::unique_ptr<Rule> { return std::make_unique<FedAsync>(t); }},
    {"fedbuff",
     [](const TrainingSection& t, double) -> std::unique_ptr<Rule> { return std::make_unique<FedBuff>(t); }},
};

}  // namespace

double sample_weight(std::int64_t samples, double mean_samples) {
  return std::clamp(static_cast<double>(samples) / mean_samples, 0.4, 1.6);
}

std::unique_ptr<Rule> make_rule(const std::string& name, const TrainingSection& training,
                                double mean_samples) {
  for (const auto& e : table)
    if (name == e.name) return e.make(training, mean_samples);
  throw std::invalid_argument("unknown training rule '" + name + "'");
}

std::vector<std::string> rule_names() {
  std::vector<std::string> names;
  for (const auto& e : table) names.emplace_back(e.name);
  return names;
}

}  // namespace afu::aggregate
