/// How a run ends: what each request came to, who is still waited for, and the end that comes first, of a
/// result that is not finite.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "config/scenario.hpp"
#include "federate/coordinator.hpp"

namespace afu::federate {

using Kind = record::Decision::Kind;
using record::RequestOutcome;

namespace {

constexpr std::size_t most_named = 5;  ///< clients that a sentence names

std::string counted(std::size_t n, const char* what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

}  // namespace

/// The run ends here; what is not finite is in no version.
void Coordinator::diverge(record::Divergence d, Effects& fx) {
  decide(Kind::diverged, d.client.value_or(methods::no_client), version_ - std::min(version_, d.version), 0,
         fx);
  divergence_ = std::move(d);
  stopped_ = fx.stop = true;
}

record::Divergence Coordinator::divergence_of(const Merge& merge) const {
  record::Divergence d;
  d.version = version_;
  d.updates = updates_;
  d.time = now_;
  if (merge.of == Merge::Of::profiles) {
    d.what = "mean of the first updates";
  } else if (merge.plan) {
    d.what = merge.plan->correction ? "correction of a merge" : "merge";
    if (merge.plan->parts.size() == 1) d.client = merge.plan->parts.front().arrival.client;
  } else {
    d.what = merge.of == Merge::Of::rollback ? "roll-back"
             : merge.erasure                 ? "merge of the erasure"
                                             : "merge of the calibration";
    d.request = merge.request;
    if (const auto c = requests_[merge.request].request.client; c != methods::no_client) d.client = c;
  }
  return d;
}

/// What a request that has not come to its end was waiting for.
std::string Coordinator::unmet(std::size_t request) const {
  const auto& a = requests_[request];
  const auto& e = scenario().erasures[request];
  if (!a.procedure) {
    if (e.at_seconds >= 0) return fmt::format("the run ended before it was due, at {} s", e.at_seconds);
    if (a.requested) return "it came due with what ended the run";
    if (e.at_round >= 0)
      return fmt::format("the run ended before it was due, after {}; {} were over",
                         counted(static_cast<std::size_t>(e.at_round), "round"), round_);
    return fmt::format("the run ended before it was due, after {}; {} were accepted",
                       counted(static_cast<std::size_t>(e.at_update), "update"), updates_);
  }
  using W = Active::Waiting;
  switch (a.waiting) {
    case W::nothing:
      return "the run ended before its turn came, behind another request";
    case W::turn:
      return "the run ended before its next step";
    case W::drain:
      return fmt::format("the run ended while {} still had work that all were halted for",
                         counted(in_flight_, "client"));
    case W::collect: {
      std::string names;
      std::size_t named = 0;
      for (const auto& [client, task] : a.collecting)
        if (named++ < most_named) names += fmt::format("{}client/{}", names.empty() ? "" : ", ", client);
      return fmt::format("the run ended while {} worked on its erasure ({}{})",
                         counted(a.collecting.size(), "client"), names, named > most_named ? ", ..." : "");
    }
    case W::erase:
      return "the run ended while its erasure was being computed";
    case W::merge:
      return "the run ended before a merge of it was done";
    case W::calibrate:
      if (a.unsettled) return "the run ended while the running statistics of its model were being taken";
      return "the run ended while its calibration was being computed";
    case W::updates:
      return fmt::format("the run ended before {} of the others were accepted",
                         counted(a.wait_until - std::min(a.wait_until, updates_), "more update"));
    case W::cluster:
      return "the run ended before its cluster had made again what was rolled back";
  }
  return "the run ended first";
}

/// Of a request that everybody was halted for as the run ended: what is in the model now is a part of it.
std::string Coordinator::stopped_for(std::size_t request) const {
  const auto& a = requests_[request];
  if (!a.halting) return "";
  const auto versions = version_ - a.halted_version;
  return fmt::format(
      "; all others had been halted for it since {:.6g} s, and {}", a.interval_began.value_or(now_),
      versions == 0 ? "no version was published in that time"
                    : counted(static_cast<std::size_t>(versions), "version") + " published on the way");
}

void Coordinator::warn(std::string text) {
  if (std::find(warnings_.begin(), warnings_.end(), text) == warnings_.end())
    warnings_.push_back(std::move(text));
}

/// What an erasure has nothing to do with, as it is asked for.
void Coordinator::look_for_target(std::size_t request) {
  const auto client = requests_[request].request.client;
  if (client == methods::no_client) return;
  const auto who = fmt::format("erasure[{}] of client/{}: ", request, client);
  if (clients_[client].accepted == 0)
    warn(who + "no update of it was ever accepted before it asked, so there was nothing to erase");
  if (const auto left = history_.unfinished(client); left > 0 && history_.needs().models)
    warn(fmt::format("{}{} of its updates are in a round that is not complete, which '{}' leaves as it is",
                     who, left, method_.name));
}

/// Nothing was left for `a` to erase: it is fulfilled when those are that took its samples before.
void Coordinator::repeat(const Active& a, record::ErasureRecord& record) const {
  const auto latest = [&](std::optional<double> record::ErasureRecord::*time) -> std::optional<double> {
    double last = record.requested_at.value_or(0);
    for (auto i : a.repeats) {
      const auto& t = requests_[i].record.*time;
      if (!t) return std::nullopt;
      last = std::max(last, *t);
    }
    return last;
  };
  record.merged_at = latest(&record::ErasureRecord::merged_at);
  record.forgotten_at = latest(&record::ErasureRecord::forgotten_at);
}

void Coordinator::settle_outcome(std::size_t request, record::ErasureRecord& record) const {
  const auto& a = requests_[request];
  auto waits_for = request;  // who erases it where it repeats others: the first that is not done
  if (!a.repeats.empty()) {
    repeat(a, record);
    const auto open = std::find_if(a.repeats.begin(), a.repeats.end(),
                                   [&](std::size_t i) { return !requests_[i].record.forgotten_at; });
    if (open != a.repeats.end()) waits_for = *open;
  }
  if (record.merged_at)
    record.outcome = RequestOutcome::merged;
  else
    record.outcome = requests_[waits_for].done ? RequestOutcome::refused : RequestOutcome::unserved;
  if (record.outcome == RequestOutcome::refused)
    record.reason = fmt::format("the method '{}' erases nothing", method_.name);
  else if (!record.forgotten_at)
    record.reason = unmet(waits_for) + stopped_for(waits_for);
}

Outcome Coordinator::outcome() const {
  Outcome o;
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    const auto& a = requests_[i];
    o.erasures.push_back({a.record, a.halted});
    settle_outcome(i, o.erasures.back().record);
    if (a.interval_began)
      o.erasures.back().halted.push_back({*a.interval_began, std::numeric_limits<double>::infinity()});
  }
  o.accepted = accepted_;
  o.model = model_;
  o.version = version_;
  o.epoch = epoch_;
  o.updates = accepted_total_;
  o.samples_trained = samples_trained_;
  o.rounds = round_;
  o.history_bytes = history_bytes_;
  for (auto& e : o.erasures) e.record.stored_bytes = history_bytes_;
  o.stopped = stopped_;
  o.divergence = divergence_;
  o.unused = unused_;
  o.shortened = shortened_;
  o.warnings = warnings_;
  for (const auto& [client, job] : audits_)
    o.warnings.push_back(fmt::format(
        "output.audit_updates: \"{}/{}\" is not in audit/: no such update reached the server", client, job));
  o.unused.buffered_at_end = clusters_ ? clusters_->buffered() : rule_->buffered();
  for (const auto& m : merges_)
    if (m.plan && !m.plan->correction) o.unused.buffered_at_end += m.plan->parts.size();
  for (std::uint32_t c = 0; c < clients_.size(); ++c) {
    const auto& client = clients_[c];
    o.unused.clients_never_heard += !client.leaving && client.accepted == 0;
    o.unused.busy_at_end += client.busy;
    if (client.busy && o.busy.size() < most_named) o.busy.push_back({c, client.job, client.since});
  }
  return o;
}

}  // namespace afu::federate
