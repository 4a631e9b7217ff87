#include <caf/all.hpp>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "actors/behaviour.hpp"
#include "actors/detached.hpp"
#include "actors/spawn.hpp"
#include "model/vectors_file.hpp"
#include "record/attack_log.hpp"
#include "record/audit_log.hpp"
#include "record/calibration_log.hpp"
#include "record/clients_log.hpp"
#include "record/event_log.hpp"
#include "record/metrics_log.hpp"
#include "record/requests_log.hpp"
#include "record/trace.hpp"

namespace afu::actors {
namespace {

/// Writes the run's folder.
struct RecorderState {
  static inline const char* name = "recorder";
  federation_actor federation;
  ContextPtr context;
  std::unique_ptr<record::EventLog> events;
  std::unique_ptr<record::TraceBuilder> trace;
  std::unique_ptr<record::MetricsLog> metrics;
  std::unique_ptr<record::RequestsLog> requests;
  std::unique_ptr<record::ClientsLog> clients;
  std::unique_ptr<record::AttackLog> attacks;
  std::string calibrations_file;
  std::unique_ptr<record::CalibrationLog> calibrations;
  std::unique_ptr<record::AuditLog> audit;
  std::string updates_file;
  std::vector<std::pair<std::string, model::ParametersPtr>> updates;  ///< written at the end
  bool failed = false, flush_due = false;
};
using Self = recorder_actor::stateful_pointer<RecorderState>;

/// Runs `f`; the first write error ends the run.
template <class F>
void attempt(Self self, F f) {
  auto& st = self->state;
  try {
    f(st);
  } catch (const std::exception& e) {
    if (!st.failed) self->send(st.federation, atom::failed_v, std::string{"recorder: "} + e.what());
    st.failed = true;
  }
}

/// Not any more after a write error.
template <class F>
void guarded(Self self, F f) {
  if (!self->state.failed) attempt(self, std::move(f));
}

/// Who looks at a run's files while it lasts finds them a second old at most.
void flush_soon(Self self) {
  if (std::exchange(self->state.flush_due, true)) return;
  self->delayed_send(self, std::chrono::seconds(1), atom::flush_v);
}

/// Of a run that goes on: what the file holds must come again.
template <class Log>
std::unique_ptr<Log> log(const Context& context, const std::string& file, bool again = true) {
  if (again && context.checkpoint && context.checkpoint->goes_on())
    return std::make_unique<Log>(file, base::OutputFile::Again{});
  return std::make_unique<Log>(file);
}

void checkpoint_soon(Self self) {
  if (const auto& c = self->state.context->checkpoint)
    self->delayed_send(
        self,
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(c->period())),
        atom::checkpoint_v);
}

std::vector<record::ClientSet> client_sets(const std::vector<metrics::EvaluationGroup>& groups) {
  std::vector<record::ClientSet> sets;
  for (const auto& g : groups) sets.push_back({g.set, g.client, g.site, g.rows->size()});
  return sets;
}

recorder_actor::behavior_type recorder(Self self, ContextPtr context, federation_actor federation) {
  self->state.federation = std::move(federation);
  self->state.context = context;
  checkpoint_soon(self);
  self->state.calibrations_file = context->calibrations_file;
  guarded(self, [&](RecorderState& st) {
    if (!context->events_file.empty()) st.events = log<record::EventLog>(*context, context->events_file);
    if (!context->metrics_file.empty())
      st.metrics = std::make_unique<record::MetricsLog>(context->metrics_file);
    if (!context->requests_file.empty())
      st.requests = std::make_unique<record::RequestsLog>(context->requests_file);
    if (!context->clients_file.empty() && context->evaluation)
      st.clients = std::make_unique<record::ClientsLog>(context->clients_file,
                                                        client_sets(context->evaluation->groups));
    if (!context->attacks_file.empty() && context->attacks && !context->attacks->names.empty())
      st.attacks = std::make_unique<record::AttackLog>(context->attacks_file);
    if (!context->audit_folder.empty()) {
      // On the wall clock the server is not yet where it was when the clock is.
      st.audit = log<record::AuditLog>(*context, context->audit_folder + "/jobs.jsonl", !context->wall());
      st.updates_file = context->audit_folder + "/updates.npz";
    }
    if (!context->trace_file.empty())
      st.trace = std::make_unique<record::TraceBuilder>(
          context->trace_file, static_cast<std::uint32_t>(context->setup.samples.size()),
          context->setup.data ? context->setup.data->client_names : std::vector<std::string>{});
  });
  return behaviour_of<recorder_actor>(
      self, RecorderState::name,
      [=](const LogBatch& batch) {
        if (const auto& c = self->state.context->checkpoint)
          c->write_deaths();  // the log may tell what came of them
        guarded(self, [&](RecorderState& st) {
          for (const auto& entry : *batch)
            std::visit(
                [&](const auto& e) {
                  if (st.events) st.events->append(e);
                  if (st.trace) st.trace->add(e);
                },
                entry);
        });
        flush_soon(self);
      },
      [=](const record::MetricsRow& row) {
        guarded(self, [&](RecorderState& st) {
          if (st.metrics) st.metrics->append(row);
          if (st.requests) st.requests->append(row);
          if (st.clients) st.clients->append(row);
        });
      },
      [=](const record::AttackRow& row) {
        guarded(self, [&](RecorderState& st) {
          if (st.attacks) st.attacks->append(row);
        });
      },
      [=](const record::CalibrationRecord& row) {
        guarded(self, [&](RecorderState& st) {
          if (st.calibrations_file.empty()) return;
          if (!st.calibrations)
            st.calibrations = std::make_unique<record::CalibrationLog>(st.calibrations_file);
          st.calibrations->append(row);
        });
      },
      [=](const record::LaneSpan& span) {
        guarded(self, [&](RecorderState& st) {
          if (st.trace) st.trace->add(span);
        });
        flush_soon(self);
      },
      [=](const record::AuditJob& job) {
        guarded(self, [&](RecorderState& st) {
          if (st.audit) st.audit->append(job);
        });
      },
      [=](const federate::AuditedUpdate& u) { self->state.updates.emplace_back(u.name, u.delta); },
      [=](atom::flush) {
        self->state.flush_due = false;
        guarded(self, [](RecorderState& st) {
          if (st.events) st.events->flush();
          if (st.trace) st.trace->flush();
          if (st.audit) st.audit->flush();
        });
      },
      [=](atom::replayed) {
        guarded(self, [](RecorderState& st) {
          if (st.events) st.events->drop_rest();
        });
      },
      [=](atom::checkpoint) {
        const auto& context = *self->state.context;
        context.checkpoint->write(context.elapsed());
        checkpoint_soon(self);
      },
      [=](atom::close) {
        // Each by itself: of a run that ends for one file's sake the others are complete.
        const auto finish = [&](auto& file) {
          if (file) attempt(self, [&](RecorderState&) { file->close(); });
        };
        auto& st = self->state;
        if (st.context->checkpoint) {  // nobody else lives: what is not taken yet is gone
          st.context->checkpoint->freeze();
          st.context->checkpoint->write(st.context->elapsed());
        }
        finish(st.events), finish(st.metrics), finish(st.requests), finish(st.clients), finish(st.attacks),
            finish(st.calibrations), finish(st.audit);
        if (!st.updates_file.empty())
          attempt(self, [](RecorderState& s) { model::write_vectors(s.updates_file, s.updates); });
        if (st.trace) attempt(self, [](RecorderState& s) { s.trace->finish(); });
        self->send(self->state.federation, atom::closed_v);
      });
}

}  // namespace

recorder_actor spawn_recorder(caf::actor_system& sys, ContextPtr context, federation_actor federation,
                              Thread thread) {
  if (thread == Thread::of_the_system) return sys.spawn(recorder, std::move(context), std::move(federation));
  return spawn_detached(sys, recorder, std::move(context), std::move(federation));
}

}  // namespace afu::actors
