#include "actors/prepare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>
#include <utility>

#include "actors/nodes.hpp"
#include "base/host.hpp"
#include "base/input_error.hpp"
#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "config/writer.hpp"
#include "device/devices.hpp"
#include "federate/holdings.hpp"
#include "lane/prepare_model.hpp"
#include "lane/surroundings.hpp"
#include "methods/registry.hpp"
#include "record/seal.hpp"
#include "sim/links.hpp"

namespace afu::actors {
namespace {

void check_history(const config::Scenario& s, std::int64_t model_bytes) {
  const auto needs = methods::needs_of(methods::find_method(s.unlearning.method), s);
  const double influences = needs.by_shard() ? static_cast<double>(needs.shards) : 1;
  const double vectors = (needs.influence || needs.accumulator ? influences : 0) +
                         (needs.accumulator ? 1 : 0) + (needs.last_update ? 1 : 0);
  const bool of_class = needs.influence && std::any_of(s.erasures.begin(), s.erasures.end(),
                                                       [](const auto& e) { return e.label >= 0; });
  const auto clients = of_class ? static_cast<std::size_t>(s.partition.clients) : s.erasures.size();
  const double wanted = vectors * static_cast<double>(clients) * static_cast<double>(model_bytes) / 1e6;
  if (wanted > s.unlearning.history_budget_mb)
    throw std::runtime_error(
        fmt::format("unlearning.method '{}' must keep {:.0f} MB for {} clients, but "
                    "unlearning.history_budget_mb is {}",
                    s.unlearning.method, wanted, clients, s.unlearning.history_budget_mb));
}

/// A client's last batch may be short: of a module with batch statistics no batch of one can be trained.
/// Looks at every client, or at each of its shards, as it is, and without what its erasures take from it.
void check_batches(const config::Scenario& s, const federate::Setup& setup, std::int64_t least) {
  std::set<std::int64_t> gone;
  for (const auto& rows : setup.forget) gone.insert(rows->begin(), rows->end());
  for (std::size_t c = 0; c < setup.data->clients.size(); ++c) {
    const bool whole = setup.shards.empty();
    for (const auto& rows :
         whole ? std::vector<data::IndicesPtr>{setup.data->clients[c].train} : setup.shards[c]) {
      const auto taken = std::count_if(rows->begin(), rows->end(), [&](auto r) { return gone.count(r) > 0; });
      const auto all = static_cast<std::int64_t>(rows->size());
      for (const auto samples : {all, all - static_cast<std::int64_t>(taken)})
        if (const auto last = samples % s.training.batch_size; last > 0 && last < least)
          throw InputError(fmt::format(
              "{}: the module trains on {} samples or more at a time (batch statistics?), but of the {} "
              "samples of {}client {} training.batch_size = {} leaves {} for the last batch: choose another one",
              s.model.path, least, samples, whole ? "" : "a shard of ", c, s.training.batch_size, last));
    }
  }
}

/// What a client does over and over takes time, and so much that the run can come to its end.
void check_durations(const config::Scenario& s, const sim::Profiles& profiles,
                     const std::vector<std::uint32_t>& samples) {
  constexpr double most_updates = 1e12;  // eleven days at a million a second
  double updates = 0;
  for (std::size_t k = 0; k < samples.size(); ++k) {
    const auto client = static_cast<std::int64_t>(k);
    const auto passes = static_cast<double>(passes_of_job(s.training, samples[k]));
    const double job = profiles.job_seconds(client, 0, passes);
    const double cycle = job + 2 * profiles.latency_seconds(client);
    if (!(cycle > 0) || !std::isfinite(cycle))
      throw InputError(
          fmt::format("heterogeneity: a job of client {} takes {} s and its messages {} s, allowed: a finite "
                      "time above 0 together ({:.6g} sample passes, seconds_per_sample {}, slowdown {})",
                      client, job, cycle - job, passes, s.heterogeneity.compute.seconds_per_sample,
                      profiles.slowdown(client)));
    updates += s.stop.seconds / cycle;
  }
  if (s.stop.updates == 0 && s.stop.rounds == 0 && updates > most_updates)
    throw InputError(
        fmt::format("stop.seconds: {} s are about {:.1e} updates of jobs that short, allowed: {:.0e}, or "
                    "stop.updates as well",
                    s.stop.seconds, updates, most_updates));
}

std::int64_t clients_at_a_time(const config::Scenario& s) {
  const auto most =
      config::traits(s.training.rule).synchronous ? s.training.clients_per_round : s.training.max_in_flight;
  return most > 0 ? std::min(most, s.partition.clients) : s.partition.clients;
}

/// Their lanes, between the run's own, as far as those compute, and its service lane.
void add_nodes(Prepared& p, const config::Scenario& s, const NodeOptions& options) {
  auto& c = *p.context;
  auto own = own_offer(s, p.devices, c.lanes, *c.setup.data->pool);
  auto told =
      s;  // but for what is the run's own affair: a node keeps what it has loaded for the next run of the same text
  const config::ComputeSection none;
  told.compute.lanes = none.lanes, told.compute.lookahead = none.lookahead;
  told.compute.nodes = none.nodes, told.compute.only_nodes = none.only_nodes;
  told.compute.token_file = none.token_file, told.compute.node_patience = none.node_patience;
  told.compute.mixed_numerics = none.mixed_numerics;
  wire::Session session{device::revision(), s.file, config::to_toml(told, methods::method_sections()),
                        own.pool, c.lanes.front().batched_clients};
  c.nodes =
      std::make_shared<Nodes>(options, std::move(session), std::move(own), s.compute.deterministic, p.notes);
  const auto remote = c.nodes->lanes(c.lanes.front());
  c.lane_groups = c.nodes->groups();
  if (options.local_lanes) {
    const auto here = static_cast<std::uint32_t>(c.lanes.size() - 1);
    c.lane_groups.insert(c.lane_groups.begin(), {here, here});
  } else {
    c.lanes.erase(c.lanes.begin(), c.lanes.end() - 1);
  }
  c.lanes.insert(c.lanes.end() - 1, remote.begin(), remote.end());
}

}  // namespace

lane::LaneWork lane_work(const config::Scenario& s) {
  const auto parts = s.training.shards > 1 ? s.training.shards + 1 : 0;
  return {s.training.batch_size, std::max(s.training.batch_size, s.evaluation.batch_size),
          clients_at_a_time(s), (s.training.optimiser == config::LocalOptimiser::sgd ? 0 : 2) + parts};
}

wire::Offer own_offer(const config::Scenario& s, const std::vector<std::string>& devices,
                      const std::vector<lane::EngineSpec>& lanes, const data::Images& pool) {
  wire::Offer offer;
  offer.host = base::host_info().name;
  offer.revision = device::revision();
  offer.libraries = device::library_versions();
  for (const auto& name : devices) {
    const auto info = device::device_info(name);
    offer.devices.push_back({info.name, info.description, info.memory_bytes});
  }
  offer.bound_to_processor = lanes.front().bound_to_processor;
  offer.pool = lane::pool_key(pool);
  if (config::traits(s.model.name).imported)  // what is computed, beside what on
    offer.pool += "+" + record::digest_of_input(config::resolve_data_path(s.model.path, s.file)).sha256;
  offer.lanes = static_cast<std::uint32_t>(lanes.size());
  return offer;
}

Prepared prepare(const config::Scenario& scenario, const RunOptions& options) {
  Prepared p;
  p.context = std::make_shared<Context>();
  auto& c = *p.context;
  auto held = federate::gather(std::make_shared<const config::Scenario>(scenario), options.loading);
  const auto& s = *held.scenario;
  c.scenario = held.scenario;
  c.setup.scenario = held.scenario;
  c.events_file = options.files.events;
  c.trace_file = options.files.trace;
  c.metrics_file = options.files.metrics;
  if (!s.erasures.empty()) c.requests_file = options.files.requests;
  if (s.evaluation.by_client) c.clients_file = options.files.clients;
  c.attacks_file = options.files.attacks;
  c.calibrations_file = options.files.calibrations;
  c.audit_folder = options.files.audit;
  c.checkpoint = options.checkpoint;
  const auto clients = s.partition.clients;
  const bool timing = s.scenario.execute == config::Execute::timing;
  if (timing && !options.nodes.nodes.empty())
    p.notes->warn("compute.nodes: none of them is asked, since a timing run computes nothing");

  const auto input = held.input;
  c.setup.data = held.data;
  c.setup.samples = std::move(held.samples);
  c.setup.forget = std::move(held.forget);
  federate::divide_into_shards(c.setup,
                               methods::needs_of(methods::find_method(s.unlearning.method), s).shards);
  for (auto& warning : federate::shard_notes(c.setup)) p.notes->warn(std::move(warning));
  c.evaluation = std::move(held.evaluation);
  c.attacks = std::move(held.attacks);
  for (auto& warning : held.warnings) p.notes->warn(std::move(warning));
  if (const auto& method = methods::find_method(s.unlearning.method); method.warning && !s.erasures.empty())
    if (auto warning = method.warning(s); !warning.empty()) p.notes->warn(std::move(warning));
  if (!timing && config::traits(s.model.name).imported)
    if (const auto least = lane::least_training_batch(s.model, input); least > 1)
      check_batches(s, c.setup, least);
  c.setup.model_bytes = static_cast<std::uint64_t>(lane::model_bytes(s.model, input));
  c.setup.statistics = lane::has_buffers(s.model, input);
  check_history(s, static_cast<std::int64_t>(c.setup.model_bytes));
  if (!timing) {
    const auto init_seed =
        s.model.init_seed > 0 ? static_cast<std::uint64_t>(s.model.init_seed) : s.scenario.seed;
    c.setup.initial =
        s.model.init.empty()
            ? lane::initial_model(s.model, input, init_seed)
            : lane::saved_model(s.model, input, config::resolve_data_path(s.model.init, s.file));
    if (s.unlearning.method == "retrain")
      if (const auto own = s.unlearning.methods.at("retrain").integer("init_seed"); own > 0)
        c.setup.restart = lane::initial_model(s.model, input, static_cast<std::uint64_t>(own));
    p.devices = device::resolve_devices(s.compute.devices);
    c.lanes =
        lane::open_lanes(s.compute, p.devices, s.model, input, lane_work(s), c.setup.data->pool, p.notes);
    if (options.cache && !c.wall() && !options.nodes.mixed_numerics) {
      c.cache = options.cache;
      c.surroundings = lane::surroundings_key(c.lanes.front(), *c.setup.data->pool);
    }
    if (!options.nodes.nodes.empty()) add_nodes(p, scenario, options.nodes);
    const auto lanes = c.lanes.size() - 1;
    const auto batched = static_cast<std::size_t>(c.lanes.front().batched_clients);
    c.lookahead = s.compute.lookahead > 0 ? static_cast<std::size_t>(s.compute.lookahead)
                                          : std::max<std::size_t>(4, 2 * batched) * lanes;
  }
  c.profiles = from_input([&] {
    return std::make_shared<const sim::Profiles>(s.heterogeneity, s.scenario.seed, clients, s.file);
  });
  c.availability = from_input([&] {
    return std::make_shared<sim::Availability>(s.heterogeneity.availability, s.scenario.seed, clients,
                                               s.file);
  });
  // The timeline makes its own: by then the run has begun.
  from_input(
      [&] { return sim::Links(*c.profiles, s.heterogeneity.network, s.scenario.seed, s.file).totals(); });
  check_durations(s, *c.profiles, c.setup.samples);
  p.channels = input.channels, p.height = input.height, p.width = input.width, p.classes = input.classes;
  p.depth = input.depth;
  return p;
}

}  // namespace afu::actors
