#include "federate/holdings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/scenario.hpp"
#include "data/describe.hpp"
#include "data/federated.hpp"
#include "data/requests.hpp"
#include "federate/shortfalls.hpp"
#include "metrics/sets.hpp"

namespace afu::federate {

Holdings gather(const std::shared_ptr<const config::Scenario>& scenario) {
  const auto& s = *scenario;
  const bool timing = s.scenario.execute == config::Execute::timing;
  const auto clients = s.partition.clients;
  Holdings h;
  if (timing && s.data.source == config::DataSource::phantom) {
    const auto n = std::max<std::int64_t>(1, s.data.train_samples / clients);
    data::check_requested_counts(s, n);
    if (s.data.train_samples < clients)
      h.warnings.push_back(
          fmt::format("data.train_samples = {} are fewer than the {} clients: each has 1 here, where "
                      "nothing is trained",
                      s.data.train_samples, clients));
    h.samples.assign(static_cast<std::size_t>(clients), static_cast<std::uint32_t>(n));
    h.input = {s.data.channels, s.data.image_size, s.data.image_size, s.data.classes};
    return h;
  }
  std::shared_ptr<const data::FederatedData> federated;
  {  // the source is a copy of all images, not needed any more once they are divided
    const auto source = data::load_source(s.data, s.scenario.seed, s.file);
    for (const auto& note : source.notes) h.warnings.push_back(fmt::format("data: {}", note));
    federated = std::make_shared<const data::FederatedData>(data::federate(source, s));
    for (const auto& note : data::federation_notes(*federated, s))
      h.warnings.push_back(fmt::format("data: {}", note));
  }
  for (const auto& client : federated->clients)
    h.samples.push_back(static_cast<std::uint32_t>(client.train->size()));
  h.input = {federated->pool->channels, federated->pool->height, federated->pool->width,
             federated->classes()};
  h.forget = data::requested_rows(*federated, s);
  h.data = federated;
  if (timing) return h;
  h.evaluation = metrics::evaluation_sets(*federated, s, h.forget);
  h.attacks = attack::plan_attacks(*federated, scenario, *h.evaluation);
  for (auto& text : shortfalls(*federated, s, *h.evaluation, h.attacks))
    h.warnings.push_back(std::move(text));
  return h;
}

}  // namespace afu::federate
