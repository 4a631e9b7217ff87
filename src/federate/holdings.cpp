#include "federate/holdings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/checks_volumes.hpp"
#include "config/scenario.hpp"
#include "data/describe.hpp"
#include "data/federated.hpp"
#include "data/named_samples.hpp"
#include "data/requests.hpp"
#include "federate/multi_label.hpp"
#include "federate/shortfalls.hpp"
#include "methods/registry.hpp"
#include "metrics/sets.hpp"

namespace afu::federate {

namespace {

/// Who asks is known now: what the method cannot do then is refused.
void check_named(const config::Scenario& s) {
  std::string wrong;
  for (const auto& section : methods::method_sections())
    if (section.name == s.unlearning.method && section.check)
      section.check(s, [&](const std::string& key, const std::string& text) {
        wrong += (wrong.empty() ? "" : "\n") + key + ": " + text;
      });
  if (!wrong.empty()) throw data::DataError(wrong);
}

/// Of an npz file the shape is known now: what volumes do not allow is refused.
void check_depth(const config::Scenario& s, std::int64_t depth) {
  if (s.data.source != config::DataSource::npz) return;  // told when the scenario was read
  std::string wrong;
  config::check_volumes(
      s, depth, [&](const std::string& key, const std::string& text, std::initializer_list<std::string>) {
        wrong += (wrong.empty() ? "" : "\n") + key + ": " + text;
      });
  if (!wrong.empty()) throw data::DataError(wrong);
}

}  // namespace

Holdings gather(const std::shared_ptr<const config::Scenario>& given, const data::LoadProgress& loading) {
  const bool timing = given->scenario.execute == config::Execute::timing;
  const auto clients = given->partition.clients;
  Holdings h;
  h.scenario = given;
  if (timing && given->data.source == config::DataSource::phantom) {
    const auto& s = *given;
    if (s.data.task == config::DataTask::multi_label) check_multi_label(s);
    const auto n = std::max<std::int64_t>(1, s.data.train_samples / clients);
    data::check_requested_counts(s, n);
    if (s.data.train_samples < clients)
      h.warnings.push_back(
          fmt::format("data.train_samples = {} are fewer than the {} clients: each has 1 here, where "
                      "nothing is trained",
                      s.data.train_samples, clients));
    h.samples.assign(static_cast<std::size_t>(clients), static_cast<std::uint32_t>(n));
    h.input = {s.data.channels, s.data.image_size, s.data.image_size, s.data.classes, s.data.depth};
    return h;
  }
  std::shared_ptr<const data::FederatedData> federated;
  {  // the source is a copy of all images, not needed any more once they are divided
    const auto source = data::load_source(given->data, given->scenario.seed, given->file, loading);
    for (const auto& note : source.notes) h.warnings.push_back(fmt::format("data: {}", note));
    h.scenario = data::name_requests(source, given, h.warnings);
    const auto& s = *h.scenario;
    if (h.scenario != given) check_named(s);
    if (source.multi_label()) check_multi_label(s);
    check_depth(s, source.train.depth);
    federated = std::make_shared<const data::FederatedData>(data::federate(source, s));
    for (const auto& note : data::federation_notes(*federated, s))
      h.warnings.push_back(fmt::format("data: {}", note));
  }
  const auto& s = *h.scenario;
  for (const auto& client : federated->clients)
    h.samples.push_back(static_cast<std::uint32_t>(client.train->size()));
  h.input = {federated->pool->channels, federated->pool->height, federated->pool->width, federated->classes(),
             federated->pool->depth};
  h.forget = data::requested_rows(*federated, s, &h.warnings);
  h.data = federated;
  if (timing) return h;
  h.evaluation = metrics::evaluation_sets(*federated, s, h.forget);
  h.attacks = attack::plan_attacks(*federated, h.scenario, *h.evaluation);
  for (auto& text : shortfalls(*federated, s, *h.evaluation, h.attacks))
    h.warnings.push_back(std::move(text));
  return h;
}

}  // namespace afu::federate
