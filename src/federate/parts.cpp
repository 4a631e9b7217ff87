#include "federate/parts.hpp"

#include <algorithm>
#include <utility>

#include "config/scenario.hpp"
#include "methods/registry.hpp"

namespace afu::federate {
namespace {

/// Clients that may ask, ascending.
std::vector<std::uint32_t> asking(const Roster& roster) {
  std::vector<std::uint32_t> all;
  for (std::uint32_t c = 0; c < roster.size(); ++c)
    if (roster[c].asks) all.push_back(c);
  return all;
}

/// Those, and, where a class is taken out by the ledger, all that have samples of it.
std::vector<std::uint32_t> tracked(const Setup& setup, const methods::Needs& needs, const Roster& roster) {
  auto all = asking(roster);
  if (!needs.influence) return all;
  for (std::size_t i = 0; i < setup.scenario->erasures.size(); ++i)
    for (auto c : owners_of(setup, i)) all.push_back(c);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

Merging merging_of(const Setup& setup, const methods::Needs& needs, const Roster& roster) {
  const auto& s = *setup.scenario;
  const auto mean = roster.mean_samples().first;
  const auto clients = roster.size();
  std::unique_ptr<OneModel> one;
  std::unique_ptr<Clusters> clusters;
  if (needs.clusters.count > 0)
    clusters = std::make_unique<Clusters>(needs.clusters, clients, asking(roster), setup.initial, [=, &s] {
      return aggregate::make_rule(s.training.rule, s.training, mean, clients);
    });
  else
    one = std::make_unique<OneModel>(s.training, mean, clients);
  const auto& rule = one ? one->rule() : clusters->rule();
  Memory memory(needs, tracked(setup, needs, roster), rule, clients);
  return {std::move(one), std::move(clusters), std::move(memory), {}, LateUpdates(s.unlearning.late)};
}

Observers observers_of(const Setup& setup, const methods::Needs& needs) {
  const auto& s = *setup.scenario;
  Observers all;
  if (s.training.ewc_strength != 0) all.ewc = std::make_unique<Ewc>(s);
  if (needs.auxiliary_head && setup.initial) all.heads = std::make_unique<AuxiliaryHeads>(needs);
  if (!s.output.audit_updates.empty()) all.audited.emplace(s.output.audit_updates);
  return all;
}

}  // namespace

void Account::warn(std::string text) {
  if (std::find(warnings.begin(), warnings.end(), text) == warnings.end())
    warnings.push_back(std::move(text));
}

Parts::Parts(Setup of)
    : setup(std::move(of)),
      method(methods::find_method(scenario().unlearning.method)),
      needs(methods::needs_of(method, scenario())),
      trainers{Roster(setup),
               Tasks(scenario(), trainers.roster),
               {},
               StepSizes(scenario(), trainers.roster.size())},
      merging(merging_of(setup, needs, trainers.roster)),
      requests(setup, method),
      observers(observers_of(setup, needs)),
      measurements(scenario().evaluation) {
  at.model = setup.initial;
}

std::int64_t Parts::classes() const { return setup.data ? setup.data->classes() : scenario().data.classes; }

void Parts::measure(Effects& fx, std::optional<std::uint32_t> request) {
  if (auto e = measurements.measure(at, requests.phase(), request)) fx.evaluations.push_back(std::move(*e));
}

}  // namespace afu::federate
