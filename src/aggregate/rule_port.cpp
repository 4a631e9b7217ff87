#include <array>
#include <utility>

#include "aggregate/rule_buffered.hpp"
#include "config/sections/training.hpp"
#include "engine/combine_job.hpp"

namespace afu::aggregate {
namespace {

using config::TrainingSection;
using model::ParametersPtr;

/// PORT's weights (Su and Li 2022, after Plato): w += sum p_i delta_i once B updates are in, with
/// p_i ~ (n_i / sum n) * [(cos(w_t - w_{t-2}, delta_i) + 1) / 2 * a + S / (tau_i + S) * b], sum p_i = 1. w_t
/// is the version merged into, w_{t-2} the one that the merge before the last was made into. A cosine that
/// cannot be computed counts as 0: in the first two merges, right after a request, in timing-only runs.
///
/// What differs from Plato's code: it takes the cosine of updates that are two versions late or more alone,
/// and counts it as 1, a perfect likeness, for all others and where there is no older model; its vectors hold
/// BatchNorm's statistics too. Here every update has its own cosine, of the parameters, and one that is not
/// known neither helps nor harms.
class Port : public Buffered {
 public:
  explicit Port(const TrainingSection& t)
      : Buffered(config::Rule::port),
        a_(t.port_similarity),
        b_(t.port_staleness),
        bound_(t.staleness_bound),
        size_(static_cast<std::size_t>(t.buffer_size)) {}

  std::optional<MergePlan> add(Arrival a) override {
    buffer_.push_back(std::move(a));
    if (buffer_.size() < size_) return std::nullopt;
    return take();
  }

  bool asks() const override { return true; }
  void ask(const MergePlan& plan, const ParametersPtr& model, engine::CombineJob& job) override {
    if (older_[1] && a_ > 0) {
      engine::Combination course{model, 1.0, {{-1.0, older_[1], nullptr}}, {}};
      for (const auto& p : plan.parts) course.compared.push_back(p.arrival.delta);
      job.outputs.push_back(std::move(course));
    }
    older_ = {model, older_[0]};
  }

  void weigh(MergePlan& plan, const std::vector<double>& cosines) const override {
    double samples = 0, total = 0;
    for (const auto& p : plan.parts) samples += static_cast<double>(p.arrival.samples);
    for (std::size_t i = 0; i < plan.parts.size(); ++i) {
      auto& p = plan.parts[i];
      const double cosine = i < cosines.size() ? cosines[i] : 0.0;
      const double fresh = bound_ / (static_cast<double>(p.arrival.staleness) + bound_);
      const double likeness = (cosine + 1) / 2;
      total += p.coefficient =
          static_cast<double>(p.arrival.samples) / samples * (likeness * a_ + fresh * b_);
    }
    for (auto& p : plan.parts)  // all of weight 0, each points straight back: what they add does not count
      p.coefficient = total > 0 ? p.coefficient / total : 0.0;
  }

  /// The versions of before hold what is to be forgotten.
  std::int64_t forget(std::uint32_t client) override { return older_ = {}, Buffered::forget(client); }
  void reset() override {
    older_ = {};
    Buffered::reset();
  }

 private:
  double a_, b_, bound_;
  std::size_t size_;
  std::array<ParametersPtr, 2> older_;  ///< w_{t-1}, w_{t-2}
};

}  // namespace

std::unique_ptr<Rule> make_port(const TrainingSection& t, double, std::size_t) {
  return std::make_unique<Port>(t);
}

}  // namespace afu::aggregate
