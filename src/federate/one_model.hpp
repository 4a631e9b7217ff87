#pragma once
/// One model for all clients.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "engine/combine_job.hpp"
#include "federate/lineage.hpp"

namespace afu::federate {

class OneModel final : public Lineage {
 public:
  /// `training` must outlive this. `mean_samples`, `clients`: of all that take part (aggregate::make_rule).
  OneModel(const config::TrainingSection& training, double mean_samples, std::size_t clients);

  /// The training rule anew, which weighs as if those who take part now were all there ever were. `rounds`:
  /// FedAvg's barrier rounds, whatever the training rule is, until `end_rounds`.
  void begin_again(double mean_samples, std::size_t clients, bool rounds);
  /// Goes on by the training rule; false where it has all the time.
  bool end_rounds();

  const aggregate::Rule& rule() const override { return *rule_; }
  Base hand_out(std::uint32_t, const Progress& at) override { return {at.model, at.version}; }
  std::uint64_t staleness(std::uint32_t, std::uint64_t base_version, const Progress& at) const override {
    return at.version - base_version;
  }
  bool late(std::uint64_t base_epoch, const Progress& at) const override { return base_epoch < at.epoch; }
  bool predates(std::uint32_t, std::uint64_t) const override { return false; }
  bool keeps_waiting() const override { return false; }

  std::optional<aggregate::MergePlan> add(aggregate::Arrival arrival, double now) override;
  std::optional<aggregate::MergePlan> flush() override { return rule_->flush(); }
  std::int64_t forget(std::uint32_t client) override { return rule_->forget(client); }
  std::size_t buffered() const override { return rule_->buffered(); }

  aggregate::Rule& rule(const aggregate::MergePlan&) override { return *rule_; }
  ParametersPtr base(const aggregate::MergePlan&, const Progress& at) const override { return at.model; }
  void extend(const aggregate::MergePlan&, engine::CombineJob&) const override {}
  ParametersPtr merged(const aggregate::MergePlan& plan, const std::vector<ParametersPtr>& outputs,
                       std::uint64_t version) override;
  bool together(std::uint32_t, std::uint32_t) const override { return true; }
  std::int64_t bytes() const override { return 0; }

 private:
  const config::TrainingSection& training_;
  std::unique_ptr<aggregate::Rule> rule_;
  std::unique_ptr<aggregate::Rule> parked_;  ///< the training rule, while there are rounds in its place
};

}  // namespace afu::federate
