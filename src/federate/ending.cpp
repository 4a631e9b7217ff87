#include "federate/ending.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "config/scenario.hpp"
#include "federate/not_finite.hpp"

namespace afu::federate {

using record::RequestOutcome;

namespace {

constexpr std::size_t most_named = 5;  ///< clients that a sentence names

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

std::string counted(std::size_t n, const char* what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

std::string not_taken(const Parts& p, const ServedRequest& r) {
  const auto& e = p.scenario().erasures[r.request.index];
  if (e.at_seconds >= 0) return fmt::format("the run ended before it was due, at {} s", e.at_seconds);
  if (r.in<stage::Posted>()) return "it came due with what ended the run";
  if (e.at_round >= 0)
    return fmt::format("the run ended before it was due, after {}; {} were over",
                       counted(static_cast<std::size_t>(e.at_round), "round"), p.trainers.tasks.rounds());
  return fmt::format("the run ended before it was due, after {}; {} were accepted",
                     counted(static_cast<std::size_t>(e.at_update), "update"), p.at.updates);
}

std::string still_collecting(const stage::Collecting& c) {
  std::string names;
  std::size_t named = 0;
  for (const auto& [client, task] : c.out)
    if (named++ < most_named) names += fmt::format("{}client/{}", names.empty() ? "" : ", ", client);
  return fmt::format("the run ended while {} worked on its erasure ({}{})", counted(c.out.size(), "client"),
                     names, named > most_named ? ", ..." : "");
}

/// What a request that has not come to its end was waiting for.
std::string unmet(const Parts& p, const ServedRequest& r) {
  if (!r.procedure) return not_taken(p, r);
  return std::visit(
      Overloaded{
          [](const stage::Ready&) -> std::string { return "the run ended before its next step"; },
          [&](const stage::Draining&) {
            return fmt::format("the run ended while {} still had work that all were halted for",
                               counted(p.trainers.tasks.in_flight(), "client"));
          },
          [](const stage::Collecting& c) { return still_collecting(c); },
          [](const stage::Erasing&) -> std::string {
            return "the run ended while its erasure was being computed";
          },
          [](const stage::Merging&) -> std::string { return "the run ended before a merge of it was done"; },
          [](const stage::TakingStatistics&) -> std::string {
            return "the run ended while the running statistics of its model were being taken";
          },
          [](const stage::Calibrating&) -> std::string {
            return "the run ended while its calibration was being computed";
          },
          [&](const stage::AwaitingUpdates& s) {
            return fmt::format("the run ended before {} of the others were accepted",
                               counted(s.until - std::min(s.until, p.at.updates), "more update"));
          },
          [](const stage::AwaitingCluster&) -> std::string {
            return "the run ended before its cluster had made again what was rolled back";
          },
          [](const auto&) -> std::string {
            return "the run ended before its turn came, behind another request";
          }},
      r.stage);
}

/// Of a request that everybody was halted for as the run ended: what is in the model now is a part of it.
std::string stopped_for(const Parts& p, const ServedRequest& r) {
  if (r.training != Training::halted) return "";
  const auto versions = p.at.version - r.halted_version;
  return fmt::format(
      "; all others had been halted for it since {:.6g} s, and {}", r.interval_began.value_or(p.at.now),
      versions == 0 ? "no version was published in that time"
                    : counted(static_cast<std::size_t>(versions), "version") + " published on the way");
}

/// Nothing was left for a request to erase: it is fulfilled when those are that took its samples before.
void repeat(const Requests& requests, const stage::Repeating& r, record::ErasureRecord& record) {
  const auto latest = [&](std::optional<double> record::ErasureRecord::*time) -> std::optional<double> {
    double last = record.requested_at.value_or(0);
    for (auto i : r.others) {
      const auto& t = requests[i].record.*time;
      if (!t) return std::nullopt;
      last = std::max(last, *t);
    }
    return last;
  };
  record.merged_at = latest(&record::ErasureRecord::merged_at);
  record.forgotten_at = latest(&record::ErasureRecord::forgotten_at);
}

record::ErasureRecord record_of(const Parts& p, const ServedRequest& r) {
  auto record = r.record;
  const auto* waits_for = &r;  // who erases it where it repeats others: the first that is not done
  if (const auto* repeating = std::get_if<stage::Repeating>(&r.stage)) {
    repeat(p.requests, *repeating, record);
    for (auto i : repeating->others)
      if (!p.requests[i].record.forgotten_at) {
        waits_for = &p.requests[i];
        break;
      }
  }
  if (record.merged_at)
    record.outcome = RequestOutcome::merged;
  else
    record.outcome = waits_for->done() ? RequestOutcome::refused : RequestOutcome::unserved;
  if (record.outcome == RequestOutcome::refused)
    record.reason = waits_for->record.reason.empty()
                        ? fmt::format("the method '{}' erases nothing", p.method.name)
                        : waits_for->record.reason;
  else if (!waits_for->record.reason.empty())
    record.reason = waits_for->record.reason;
  else if (!record.forgotten_at)
    record.reason = unmet(p, *waits_for) + stopped_for(p, *waits_for);
  if (p.observers.guards) record.guard = p.observers.guards->figures(r.request.index);
  if (p.observers.gates) record.gate = p.observers.gates->figures(r.request.index);
  record.difference = r.calibrations.difference();
  record.features = r.calibrations.features();
  record.stored_bytes = p.account.most_held;
  if (p.setup.data && record.client >= 0 &&
      static_cast<std::size_t>(record.client) < p.setup.data->client_names.size())
    record.site = p.setup.data->client_names[static_cast<std::size_t>(record.client)];
  return record;
}

}  // namespace

void diverge(Parts& p, record::Divergence d, Effects& fx) {
  p.decide(record::Decision::Kind::diverged, d.client.value_or(methods::no_client),
           p.at.version - std::min(p.at.version, d.version), 0, fx);
  p.account.divergence = std::move(d);
  p.account.stopped = fx.stop = true;
}

record::Divergence divergence_of(const Parts& p, const Merge& merge) {
  record::Divergence d;
  d.version = p.at.version;
  d.updates = p.at.updates;
  d.time = p.at.now;
  const auto of_plan = [&](const aggregate::MergePlan& plan, const char* what) {
    d.what = what;
    if (plan.parts.size() == 1) d.client = plan.parts.front().arrival.client;
  };
  const auto of_request = [&](std::uint32_t request, const char* what) {
    d.what = what;
    d.request = request;
    if (const auto c = p.requests[request].request.client; c != methods::no_client) d.client = c;
  };
  std::visit(Overloaded{[&](const UpdateMerge& m) { of_plan(m.plan, "merge"); },
                        [&](const CorrectionMerge& m) { of_plan(m.plan, "correction of a merge"); },
                        [&](const RequestMerge& m) {
                          of_request(m.request,
                                     m.erasure ? "merge of the erasure" : "merge of the calibration");
                        },
                        [&](const ProfilesMerge&) { d.what = "mean of the first updates"; },
                        [&](const RollBackMerge& m) { of_request(m.request, "roll-back"); }},
             merge);
  return d;
}

Outcome outcome_of(const Parts& p) {
  Outcome o;
  for (const auto& r : p.requests) {
    o.erasures.push_back({record_of(p, r), r.halted});
    if (r.interval_began)
      o.erasures.back().halted.push_back({*r.interval_began, std::numeric_limits<double>::infinity()});
  }
  const auto& a = p.account;
  o.accepted = a.accepted;
  o.model = p.at.model;
  o.version = p.at.version;
  o.epoch = p.at.epoch;
  o.updates = p.at.accepted;
  o.samples_trained = a.samples_trained;
  o.rounds = p.trainers.tasks.rounds();
  o.history_bytes = a.most_held;
  o.stopped = a.stopped;
  o.divergence = a.divergence;
  o.unused = a.unused;
  o.shortened = a.shortened;
  o.warnings = a.warnings;
  if (auto text = dropped_text(a); !text.empty()) o.warnings.push_back(std::move(text));
  if (p.observers.audited)
    for (auto& text : p.observers.audited->missing()) o.warnings.push_back(std::move(text));
  o.unused.buffered_at_end = p.lineage().buffered() + p.merging.queue.updates();
  for (std::uint32_t c = 0; c < p.trainers.roster.size(); ++c) {
    const auto& standing = p.trainers.roster[c];
    const auto& task = p.trainers.tasks[c];
    o.unused.clients_never_heard += !standing.leaving && standing.accepted == 0;
    o.unused.busy_at_end += task.busy;
    if (task.busy && o.busy.size() < most_named) o.busy.push_back({c, task.job, task.since});
  }
  return o;
}

}  // namespace afu::federate
