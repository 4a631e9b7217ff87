#include "federate/one_model.hpp"
#include "config/sections/training.hpp"

#include <utility>

namespace afu::federate {

OneModel::OneModel(const config::TrainingSection& training, double mean_samples, std::size_t clients)
    : training_(training), rule_(aggregate::make_rule(training.rule, training, mean_samples, clients)) {}

void OneModel::begin_again(double mean_samples, std::size_t clients, bool rounds) {
  rule_ = aggregate::make_rule(training_.rule, training_, mean_samples, clients);
  if (rounds && !rule_->synchronous())
    parked_ = std::exchange(rule_, aggregate::make_rule(config::Rule::fedavg, training_, mean_samples));
}

bool OneModel::end_rounds() {
  if (!parked_) return false;
  rule_ = std::move(parked_);
  return true;
}

std::optional<aggregate::MergePlan> OneModel::add(aggregate::Arrival arrival, double) {
  return rule_->add(std::move(arrival));
}

ParametersPtr OneModel::merged(const aggregate::MergePlan&, const std::vector<ParametersPtr>& outputs,
                               std::uint64_t) {
  return outputs.empty() ? nullptr : outputs.front();
}

}  // namespace afu::federate
