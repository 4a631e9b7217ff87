#include "actors/launch.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <caf/all.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "actors/behaviour.hpp"
#include "actors/detached.hpp"
#include "actors/nodes.hpp"
#include "actors/prepare.hpp"
#include "actors/spawn.hpp"
#include "base/host.hpp"
#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"
#include "data/named_samples.hpp"
#include "device/blas.hpp"
#include "device/devices.hpp"
#include "device/numerics.hpp"
#include "federate/audit.hpp"
#include "figures/erasure_figures.hpp"
#include "figures/same_answers.hpp"
#include "metrics/sets.hpp"
#include "model/ghost.hpp"
#include "sim/horizon.hpp"

namespace afu::actors {
namespace {

using namespace std::chrono_literals;

class AfuSystemConfig : public caf::actor_system_config {
 public:
  static int workers(const Context& context) { return context.wall() ? 2 : 1; }

  explicit AfuSystemConfig(const Context& context) {
    add_message_types<caf::id_block::afu>();
    // On the virtual clock one event follows the other, so a second worker would only pass them back and
    // forth between cores; what computes has threads of its own.
    const auto threads = static_cast<std::size_t>(workers(context));
    set("scheduler.max-threads", threads);
    if (caf::get_or(*this, "scheduler.max-threads", std::size_t{0}) != threads)
      throw std::logic_error("CAF did not take scheduler.max-threads");
    // An idle worker of the stealing policy, which is CAF's default, wakes every 50 us to look for work:
    // 9,000 times a second on a core that a lane computes on, which was then a third slower. A sharing worker
    // waits.
    set("scheduler.policy", caf::atom("sharing"));
  }
};

/// What nobody lived to tell. Where no server lived, no request was taken.
void add_remains(const Context& context, RunReport& r) {
  const auto& remains = *context.remains;
  if (!r.has_end)
    if (auto end = remains.end()) r.timeline = std::move(*end);
  if (r.has_outcome) return;
  if (const auto outcome = remains.outcome()) {
    r.outcome = *outcome;
    return;
  }
  r.outcome = federate::Coordinator(context.setup).outcome();
  r.outcome.model = nullptr;
  if (!remains.server_lived()) return;
  for (auto& e : r.outcome.erasures)
    e.record.reason = "the server ended without a word, so what became of it is not known";
}

/// Until all actors have ended.
RunReport play_all(const ContextPtr& context, const RunOptions& options) {
  AfuSystemConfig config(*context);
  // A system without one of its threads would end the process, or wait for ever.
  const int lanes = static_cast<int>(context->lanes.size()), recorder = 1;
  base::require_threads(threads_of_a_system(AfuSystemConfig::workers(*context)) + lanes + recorder);
  const auto here =
      std::count_if(context->lanes.begin(), context->lanes.end(), [](const auto& l) { return !l.remote; });
  device::require_blas_buffers(static_cast<int>(here) - 1);  // one is there already
  caf::actor_system system(config);
  RunReport result;
  {
    caf::scoped_actor self(system);
    auto federation = spawn_federation(system, context, caf::actor_cast<caf::actor>(self));
    self->monitor(federation);
    self->send(federation, atom::start_v);
    if (options.on_start) options.on_start(federation, system);
    bool over = false, interrupted = false, hurried = false, ended = false;
    Progress latest{};
    while (!over) {
      self->receive([&](const Progress& p) { latest = p; },
                    [&](const ReportPtr& r) { result = *r, ended = true; },
                    [&](const caf::down_msg& m) {
                      over = true;
                      if (!ended)
                        result.failure = "the federation ended unexpectedly: " + text_of(system, m.reason);
                    },
                    caf::after(200ms) >> [] {});
      if (options.progress && !over) options.progress(latest);
      const auto asked = [&](const std::atomic<bool>* flag, bool& sent) {
        if (sent || !flag || !flag->load()) return;
        sent = true;
        self->send(federation, atom::halt_v);
      };
      asked(options.interrupt, interrupted);
      if (interrupted) asked(options.hurry, hurried);
      // The lane that stays here merges and measures nothing.
      if (interrupted && !hurried && context->nodes && here == 1 && !context->nodes->any_there()) {
        if (options.nodes.tell)
          options.nodes.tell("no node is left to measure the last version: the run ends without that");
        hurried = true;
        self->send(federation, atom::halt_v);
      }
    }
  }
  return result;
}

RunReport play(const ContextPtr& context, const RunOptions& options) {
  auto report = play_all(context, options);
  add_remains(*context, report);
  return report;
}

std::string gone_clients(const TimelineEnd& e) {
  std::string names;
  for (const auto& g : e.gone)
    names +=
        fmt::format("{}{} since {:.6g} s", names.empty() ? "" : ", ", record::node_name(g.client), g.since);
  return fmt::format("{} will never be back, or never be done with what was begun: {}{}",
                     e.gone_count == 1 ? "a client" : fmt::format("{} clients", e.gone_count), names,
                     e.gone_count > e.gone.size() ? ", ..." : "");
}

/// What was scaled down because it was longer than the scenario lets it be.
void add_shortened(const config::Scenario& s, const RunReport& r, std::vector<std::string>& notes) {
  const auto& [updates, erasure_work, calibrations] = r.outcome.shortened;
  if (updates > 0)
    notes.push_back(fmt::format("{} of {} accepted updates were scaled down to training.max_delta = {}",
                                updates, r.outcome.updates, s.training.max_delta));
  if (erasure_work > 0)
    notes.push_back(
        fmt::format("{} of what clients computed for an erasure {} scaled down to training.max_delta = {}",
                    erasure_work, erasure_work == 1 ? "was" : "were", s.training.max_delta));
  std::uint64_t all = 0;
  for (const auto& e : r.outcome.erasures) all += e.record.calibrations.count;
  if (calibrations > 0)
    notes.push_back(
        fmt::format("{} of {} calibrations were scaled down to calibration.research.max_delta = {}",
                    calibrations, all, s.calibration.research->max_delta));
}

/// Who is waited for where nothing is left to happen.
std::string starvation(const RunReport& r) {
  const auto& o = r.outcome;
  std::string text = "no event was left before a stop condition was met";
  if (r.timeline.beyond)
    text =
        fmt::format("the next event would come at {:.6g} s, beyond the {:g} s that the clock can tell apart",
                    *r.timeline.beyond, sim::horizon_seconds);
  std::string names;
  for (const auto& b : o.busy)
    names += fmt::format("{}client/{} (job {}, since {:.6g} s)", names.empty() ? "" : ", ", b.client, b.job,
                         b.since);
  if (!names.empty())
    text += fmt::format("; {} waited for: {}{}", o.unused.busy_at_end == 1 ? "one client is" : "clients are",
                        names,
                        o.unused.busy_at_end > o.busy.size()
                            ? fmt::format(" and {} more", o.unused.busy_at_end - o.busy.size())
                            : "");
  if (r.timeline.gone_count > 0) text += "; " + gone_clients(r.timeline);
  return text;
}

std::string requester(const config::Erasure& e) {
  return e.client < 0 ? fmt::format("class {}", e.label) : fmt::format("client/{}", e.client);
}

/// What must not be overlooked in a run's figures.
std::vector<std::string> warnings(const config::Scenario& scenario, const RunReport& r) {
  std::vector<std::string> all;
  const auto& o = r.outcome;
  for (std::size_t i = 0; i < o.erasures.size(); ++i) {
    const auto& e = o.erasures[i].record;
    if (e.reason.empty() || e.outcome == record::RequestOutcome::refused) continue;
    const auto* what = e.outcome == record::RequestOutcome::merged ? "merged, but not forgotten" : "unserved";
    all.push_back(
        fmt::format("erasure[{}] of {}: {}: {}", i, requester(scenario.erasures.at(i)), what, e.reason));
  }
  all.insert(all.end(), o.warnings.begin(), o.warnings.end());
  if (o.version == 0 && o.updates > 0)
    all.push_back(fmt::format(
        "no version was ever published, so the model is the initial one: {} accepted updates lie in "
        "the rule's buffer",
        o.unused.buffered_at_end));
  if (auto same = figures::same_answers_text(r.rows)) all.push_back(std::move(*same));
  return all;
}

record::Figures figures(const record::MetricsRow& row) {
  return {row.test_accuracy,     row.forget_accuracy,   row.retain_accuracy, row.attack_success_rate,
          row.mia_auc,           row.balanced_accuracy, row.test_auc,        row.test_loss,
          row.calibration_error, row.brier_score};
}

/// Of a run whose weights were not drawn here, and of which somebody asks to be forgotten: nothing that is
/// done in the run takes out what they hold already.
std::optional<std::string> delivered_weights(const config::Scenario& s,
                                             const std::vector<record::MetricsRow>& rows,
                                             const std::optional<record::SetLabels>& test_set) {
  const bool delivered = config::traits(s.model.name).imported;
  if ((!delivered && s.model.init.empty()) || s.erasures.empty()) return std::nullopt;
  const bool retrains = s.unlearning.method == "retrain";
  const bool drawn = retrains && s.unlearning.methods.at("retrain").integer("init_seed") > 0;
  auto note =
      fmt::format("the initial weights are those of {}: what they know of the samples to be forgotten, {}",
                  delivered ? s.model.path : s.model.init,
                  drawn      ? "the retraining is without: it starts from weights of its own"
                  : retrains ? "the retraining starts with, so it is no reference"
                             : "no method takes out, and no retraining is without");
  if (rows.empty() || rows.front().version != 0 || !rows.front().forget_accuracy) return note;
  const auto& first = rows.front();
  note += fmt::format("; before any training forget accuracy is {:.1f} %", 100 * *first.forget_accuracy);
  if (first.test_accuracy) note += fmt::format(", test accuracy {:.1f} %", 100 * *first.test_accuracy);
  if (first.test_accuracy && test_set)
    note += fmt::format(" (majority class {:.1f} %)", 100 * test_set->majority_share);
  if (first.mia_auc) note += fmt::format(", membership AUC {:.3f}", *first.mia_auc);
  return note;
}

/// Of the requests that one erasure became the first: the version that it found all of them are held against.
std::uint32_t first_of(const config::Scenario& s, std::uint32_t request) {
  for (std::uint32_t i = 0; i < request; ++i)
    if (data::same_request(s, i, request)) return i;
  return request;
}

}  // namespace

RunResult run_scenario(const config::Scenario& scenario, const RunOptions& options) {
  RunResult result;
  std::vector<std::string> devices;
  if (scenario.scenario.execute != config::Execute::timing)
    devices = device::resolve_devices(scenario.compute.devices);
  const device::NumericsLease numerics(device::switches_of(scenario.compute, devices));
  const auto prepared = prepare(scenario, options);
  result.channels = prepared.channels;
  result.height = prepared.height;
  result.width = prepared.width;
  result.classes = prepared.classes;
  result.depth = prepared.depth;
  const auto& context = prepared.context;
  if (options.prepared) options.prepared();
  if (!context->audit_folder.empty())
    federate::write_audit_start(
        context->audit_folder, context->setup,
        {prepared.channels, prepared.height, prepared.width, prepared.classes, prepared.depth});
  context->began = std::chrono::steady_clock::now();
  if (context->checkpoint)  // real time goes on as well
    context->began -= std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>(context->checkpoint->seconds_before()));
  result.report = play(context, options);
  if (context->nodes) result.summary.nodes = context->nodes->conclude();
  if (auto& report = result.report; model::is_ghost(report.outcome.model)) {
    if (report.interrupted) {
      result.on_its_way = true;
      report = {};
      report.interrupted = true;
      return result;
    }
    report.outcome.model = nullptr;  // it failed on its way
  }
  auto& snapshots = result.report.snapshots;
  snapshots.erase(std::remove_if(snapshots.begin(), snapshots.end(),
                                 [](const auto& named) { return model::is_ghost(named.second); }),
                  snapshots.end());
  result.notes = prepared.notes->all();
  result.warnings = prepared.notes->warnings();
  const double wall = context->elapsed();

  const auto& r = result.report;
  auto& s = result.summary;
  s.method = scenario.unlearning.method;
  s.clock = context->wall() ? "wall" : "virtual";
  if (context->evaluation) {
    s.test_set = metrics::set_labels(*context->setup.data, context->evaluation->test);
    s.retain_set = metrics::set_labels(*context->setup.data, context->evaluation->retain);
  }
  if (r.has_final) s.final = figures(r.final);
  if (r.has_before) s.before_erasure = figures(r.before);
  std::vector<figures::TimeSpan> halted;  // by any request
  for (const auto& e : r.outcome.erasures) halted.insert(halted.end(), e.halted.begin(), e.halted.end());
  const figures::RetainedWork retained(r.outcome.accepted, halted, r.timeline.now);
  for (const auto& e : r.outcome.erasures) {
    auto record = e.record;
    figures::fill_erasure_figures(record, r.rows, retained, e.halted, r.timeline.now);
    if (const auto found = r.found.find(first_of(*context->scenario, record.request)); found != r.found.end())
      if (record.request < found->second.requests.size())
        record.found = found->second.requests[record.request];
    s.erasures.push_back(std::move(record));
  }
  s.unused = r.outcome.unused;
  s.unused.clients_gone = r.timeline.gone_count;
  s.shortened = r.outcome.shortened;
  s.divergence = r.outcome.divergence;
  s.warnings = warnings(*context->scenario, r);
  for (const auto& row : r.attacks)
    if (row.point == "final") s.attacks.push_back(row);
  s.updates = r.outcome.updates;
  s.samples_trained = r.outcome.samples_trained;
  s.messages = r.timeline.messages;
  s.bytes_sent = r.timeline.bytes;
  s.virtual_seconds = r.timeline.now;
  s.wall_seconds = wall;
  if (context->wall() && r.joined > 0)
    s.overrun_share = static_cast<double>(r.late) / static_cast<double>(r.joined);
  s.peak_rss_bytes = base::peak_rss_bytes();
  s.model_sha256 = model::sha256(r.outcome.model);
  s.seed = scenario.scenario.seed;
  s.scenario = scenario.scenario.name;
  s.ended = !r.failure.empty()                         ? "failed: " + r.failure
            : r.outcome.divergence                     ? "diverged"
            : r.interrupted                            ? "interrupted"
            : r.timeline.starved && !r.outcome.stopped ? "starved: " + starvation(r)
                                                       : "completed";
  if (context->setup.data) s.sites = context->setup.data->client_names;
  s.devices = prepared.devices;
  if (!context->lanes.empty() && !context->wall() && scenario.compute.deterministic) {
    const auto& bound = context->lanes.front().bound_to_processor;
    s.same_bytes = bound.empty() ? "on every x86-64 processor with AVX2" : "on this processor only: " + bound;
  }
  s.events = r.timeline.events;
  s.history_bytes = r.outcome.history_bytes;
  if (context->checkpoint) {
    s.resumed = context->checkpoint->resumed();
    s.away_seconds = context->checkpoint->away_seconds();
    if (const auto why = context->checkpoint->failure(); !why.empty())
      result.warnings.push_back("no checkpoint could be written any more: " + why);
  }
  add_shortened(scenario, r, result.notes);
  if (r.timeline.gone_count > 0) result.notes.push_back(gone_clients(r.timeline));
  for (const auto& [client, why] : r.replaced)
    result.warnings.push_back(fmt::format("{} died and was replaced; its job was lost: {}", client, why));
  if (auto note = delivered_weights(scenario, r.rows, s.test_set))
    result.warnings.push_back(std::move(*note));
  s.warnings.insert(s.warnings.begin(), result.warnings.begin(), result.warnings.end());
  result.warnings = s.warnings;
  return result;
}

}  // namespace afu::actors
