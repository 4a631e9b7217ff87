#include "actors/prepare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "compute/devices.hpp"
#include "compute/job_key.hpp"
#include "compute/prepare_model.hpp"
#include "data/federated.hpp"
#include "unlearn/registry.hpp"

namespace afu::actors {
namespace {

/// `rows` without those of classes that an erasure names.
data::Indices of_other_classes(const data::FederatedData& data, const config::Scenario& s,
                               const data::Indices& rows) {
  data::Indices others;
  for (auto r : rows) {
    const auto label = data.pool->labels[static_cast<std::size_t>(r)];
    if (std::none_of(s.erasures.begin(), s.erasures.end(), [&](const auto& e) { return e.label == label; }))
      others.push_back(r);
  }
  return others;
}

/// Retained clients' training rows for the retain accuracy: at most `most`, evenly taken.
data::IndicesPtr retain_rows(const data::FederatedData& data, const config::Scenario& s) {
  data::Indices all;
  for (std::size_t c = 0; c < data.clients.size(); ++c) {
    bool asked = false;
    for (const auto& e : s.erasures) asked = asked || e.client == static_cast<std::int64_t>(c);
    if (asked) continue;
    const auto rows = of_other_classes(data, s, *data.clients[c].train);
    all.insert(all.end(), rows.begin(), rows.end());
  }
  const auto most = static_cast<std::size_t>(s.evaluation.max_retain_samples);
  if (most > 0 && all.size() > most) {
    data::Indices some;
    for (std::size_t i = 0; i < most; ++i) some.push_back(all[i * all.size() / most]);
    all = std::move(some);
  }
  return std::make_shared<const data::Indices>(std::move(all));
}

/// The forget set is what all erasures of the scenario ask for. Where classes are to be forgotten, test and
/// retain rows are those of the other classes, and the non-members are everybody's held-out samples of them.
std::shared_ptr<const compute::EvaluationSets> evaluation_sets(const data::FederatedData& data,
                                                               const config::Scenario& s,
                                                               const std::vector<data::IndicesPtr>& forget) {
  auto sets = std::make_shared<compute::EvaluationSets>();
  data::Indices rows, holdout;
  for (std::size_t i = 0; i < s.erasures.size(); ++i) {
    rows.insert(rows.end(), forget[i]->begin(), forget[i]->end());
    const auto& e = s.erasures[i];
    for (std::size_t c = 0; c < data.clients.size(); ++c) {
      if (e.client >= 0 && e.client != static_cast<std::int64_t>(c)) continue;
      for (auto r : *data.clients[c].holdout)
        if (e.label < 0 || data.pool->labels[static_cast<std::size_t>(r)] == e.label) holdout.push_back(r);
    }
  }
  for (auto* set : {&rows, &holdout}) {  // several requests may name the same samples
    std::sort(set->begin(), set->end());
    set->erase(std::unique(set->begin(), set->end()), set->end());
  }
  sets->test = std::make_shared<const data::Indices>(of_other_classes(data, s, *data.test));
  sets->forget = std::make_shared<const data::Indices>(std::move(rows));
  sets->holdout = std::make_shared<const data::Indices>(std::move(holdout));
  sets->retain = retain_rows(data, s);
  sets->triggered = data.triggered_test;
  sets->backdoor_label = data.backdoor_label;
  return sets;
}

void check_history(const config::Scenario& s, std::int64_t model_bytes) {
  const auto needs = unlearn::needs_of(unlearn::find_method(s.unlearning.method), s);
  const double vectors = (needs.influence || needs.accumulator ? 1 : 0) + (needs.accumulator ? 1 : 0) +
                         (needs.last_update ? 1 : 0);
  const double wanted =
      vectors * static_cast<double>(s.erasures.size()) * static_cast<double>(model_bytes) / 1e6;
  if (wanted > s.unlearning.history_budget_mb)
    throw std::runtime_error(
        fmt::format("unlearning.method '{}' must keep {:.0f} MB for {} clients, but "
                    "unlearning.history_budget_mb is {}",
                    s.unlearning.method, wanted, s.erasures.size(), s.unlearning.history_budget_mb));
}

}  // namespace

Prepared prepare(const config::Scenario& scenario, const RunOptions& options) {
  Prepared p;
  p.context = std::make_shared<Context>();
  auto& c = *p.context;
  auto shared = std::make_shared<const config::Scenario>(scenario);
  const auto& s = *shared;
  c.scenario = shared;
  c.setup.scenario = shared;
  c.events_file = options.files.events;
  c.trace_file = options.files.trace;
  c.metrics_file = options.files.metrics;
  const auto clients = s.partition.clients;
  const bool timing = s.scenario.execute == config::Execute::timing;

  compute::ModelInput input;
  if (timing && s.data.source == "phantom") {  // nothing is trained, so nothing is generated
    const auto n = std::max<std::int64_t>(1, s.data.train_samples / clients);
    c.setup.samples.assign(static_cast<std::size_t>(clients), static_cast<std::uint32_t>(n));
    input = {s.data.channels, s.data.image_size, s.data.image_size, s.data.classes};
  } else {
    auto federated = std::make_shared<const data::FederatedData>(
        data::federate(data::load_source(s.data, s.scenario.seed, s.file), s));
    for (const auto& client : federated->clients)
      c.setup.samples.push_back(static_cast<std::uint32_t>(client.train->size()));
    input = {federated->pool->channels, federated->pool->height, federated->pool->width,
             federated->classes()};
    for (const auto& e : s.erasures) c.setup.forget.push_back(data::forget_rows(*federated, s, e));
    c.setup.data = federated;
    if (!timing) {
      c.evaluation = evaluation_sets(*federated, s, c.setup.forget);
    }
  }
  c.setup.model_bytes = static_cast<std::uint64_t>(compute::model_bytes(s.model, input));
  check_history(s, static_cast<std::int64_t>(c.setup.model_bytes));
  if (!timing) {
    c.setup.initial = compute::initial_model(s.model, input, s.scenario.seed);
    p.devices = compute::resolve_devices(s.compute.devices);
    c.lanes = compute::open_lanes(p.devices, s.compute.lanes, s.model, input,
                                  std::max(s.training.batch_size, s.evaluation.batch_size),
                                  c.setup.data->pool, p.notes);
    if (options.cache && !c.wall()) {
      c.cache = options.cache;
      c.surroundings = compute::surroundings_key(c.lanes.front(), *c.setup.data->pool);
    }
    const auto lanes = c.lanes.size() - 1;
    c.lookahead = s.compute.lookahead > 0 ? static_cast<std::size_t>(s.compute.lookahead) : 4 * lanes;
  }
  c.profiles = std::make_shared<const sim::Profiles>(s.heterogeneity, s.scenario.seed, clients, s.file);
  c.availability =
      std::make_shared<sim::Availability>(s.heterogeneity.availability, s.scenario.seed, clients, s.file);
  p.channels = input.channels, p.height = input.height, p.width = input.width, p.classes = input.classes;
  return p;
}

}  // namespace afu::actors
