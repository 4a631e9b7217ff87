#pragma once
/// Every typed actor interface, one comment a message: this file is the architecture.
///
///   launcher -> federation -> { recorder, lanes, dispatcher, timeline, server, unlearner, calibrator,
///   evaluator, clients }
///
/// A participant (client, server, unlearner, calibrator) is handed one message at a time by the timeline,
/// with the time on the run's clock, and answers each with one Ack that carries all it posts in return.
/// Nobody waits for an answer with a request: actors that die are noticed by the federation, which watches
/// them all.
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/messages.hpp"

namespace afu::actors {

/// Whoever joined a job.
using job_owner_actor = caf::typed_actor<
    // The job's result; its number is the one that was submitted.
    caf::reacts_to<atom::joined, std::uint64_t, ResultPtr>>;

/// One hospital: trains what it is told to, on its own data.
using client_actor = caf::typed_actor<
    // Train from this version.
    caf::reacts_to<double, federate::TrainTask>,
    // Compute this for an unlearning method.
    caf::reacts_to<double, federate::CollectTask>,
    // Its timer: the modelled computation ends.
    caf::reacts_to<double, federate::JobDone>,
    // The real computation's result, from the dispatcher.
    caf::reacts_to<atom::joined, std::uint64_t, ResultPtr>,
    // Ends abnormally. For tests of the supervision.
    caf::reacts_to<atom::crash>>;

/// The aggregator: a Coordinator whose merges are computed on the service lane.
using server_actor = caf::typed_actor<
    // The federation begins.
    caf::reacts_to<double, atom::start>,
    // From clients, the unlearner and the calibrator.
    caf::reacts_to<double, federate::Update>, caf::reacts_to<double, federate::Dropped>,
    caf::reacts_to<double, federate::CollectResult>, caf::reacts_to<double, federate::EraseRequest>,
    caf::reacts_to<double, federate::EraseResult>, caf::reacts_to<double, federate::CalibrateResult>,
    // A merge's result, from the service lane.
    caf::reacts_to<Finished>,
    // The run is over (at this time): measure the last version, tell the federation the outcome.
    caf::reacts_to<atom::report, double>>;

/// The unlearning worker: erases on behalf of the target client, while the others train.
using unlearner_actor = caf::typed_actor<
    // Erase.
    caf::reacts_to<double, federate::EraseTask>,
    // Its timer: the modelled work ends.
    caf::reacts_to<double, federate::WorkDone>,
    // The real computation's result.
    caf::reacts_to<atom::joined, std::uint64_t, ResultPtr>>;

/// Computes calibration jobs on held-out data; never delays a client.
using calibrator_actor = caf::typed_actor<
    // Calibrate from this version.
    caf::reacts_to<double, federate::CalibrateTask>,
    // Its timer: the modelled work ends.
    caf::reacts_to<double, federate::WorkDone>,
    // The real computation's result.
    caf::reacts_to<atom::joined, std::uint64_t, ResultPtr>>;

/// Measures published versions off the critical path, at no cost on the run's clock.
using evaluator_actor = caf::typed_actor<
    // Measure this version.
    caf::reacts_to<atom::measure, EvaluationPtr>,
    // The figures, from the dispatcher.
    caf::reacts_to<atom::joined, std::uint64_t, ResultPtr>,
    // No more will come: tell the federation when all are measured.
    caf::reacts_to<atom::drain>,
    // Tell the federation at once what is measured so far.
    caf::reacts_to<atom::halt>>;

/// The clock: owns every message on its way and every timer, and delivers them in (time, sequence) order.
using timeline_actor = caf::typed_actor<
    // All participants are there: begin.
    caf::reacts_to<atom::start, DirectoryPtr>,
    // A participant has taken what it was handed.
    caf::reacts_to<Ack>,
    // Wall clock: the next event's time has come. Tagged with the timer's generation.
    caf::reacts_to<atom::due, std::uint64_t>,
    // A client's actor died, of what, and this one takes its place.
    caf::reacts_to<atom::replaced, NodeId, client_actor, std::string>,
    // Deliver nothing more and tell the federation how it ended.
    caf::reacts_to<atom::halt>,
    // INTERNAL: what was logged has been kept for a second; the recorder is to have it.
    caf::reacts_to<atom::flush>>;

/// Computes: the only place where tensors are touched. One thread, one device, one stream.
using dispatcher_or_server = caf::typed_actor<caf::reacts_to<Finished>>;
using lane_actor = caf::typed_actor<
    // Run this; the answer is a Finished.
    caf::reacts_to<Assignment, dispatcher_or_server>>;

/// Hands jobs to free lanes in order of their simulated completion, with a bounded look-ahead; training jobs
/// several at a time where the lanes step clients together.
using dispatcher_actor = caf::typed_actor<
    // Take this job.
    caf::reacts_to<Submission>,
    // Its owner waits for the job's result; now (true), or whenever it is there.
    caf::reacts_to<atom::join, std::uint64_t, job_owner_actor, bool>,
    // The result is not wanted any more.
    caf::reacts_to<atom::cancel, std::uint64_t>,
    // A lane is done.
    caf::reacts_to<Finished>,
    // The run is over: what nobody has asked to join so far is not wanted any more.
    caf::reacts_to<atom::drain>,
    // Report the counts of joined and late jobs to the federation.
    caf::reacts_to<atom::report>>;

/// The only writer of the run's folder while the run lasts.
using recorder_actor = caf::typed_actor<
    // Events and decisions, in order.
    caf::reacts_to<LogBatch>,
    // One evaluation.
    caf::reacts_to<record::MetricsRow>,
    // One figure of an attack.
    caf::reacts_to<record::AttackRow>,
    // A calibration that was merged.
    caf::reacts_to<record::CalibrationRecord>,
    // A lane's work in real time.
    caf::reacts_to<record::LaneSpan>,
    // For audit/: a job that was handed out, and an update that output.audit_updates names.
    caf::reacts_to<record::AuditJob>, caf::reacts_to<federate::AuditedUpdate>,
    // INTERNAL: what was recorded has been kept for a second; the files are to have it.
    caf::reacts_to<atom::flush>,
    // Wall clock: a run that was stopped is where it was; what its log of events holds beyond is no more.
    caf::reacts_to<atom::replayed>,
    // INTERNAL: it is time to look whether a checkpoint is due.
    caf::reacts_to<atom::checkpoint>,
    // Complete the files and tell the federation.
    caf::reacts_to<atom::close>>;

/// Composition root and supervisor: spawns, wires, watches and ends all others.
using federation_actor = caf::typed_actor<
    // From the launcher: begin.
    caf::reacts_to<atom::start>,
    // From the launcher: end in order, keeping what was recorded. A second time: without measuring.
    caf::reacts_to<atom::halt>,
    // From the timeline: how far the run is, and that it ended.
    caf::reacts_to<Progress>, caf::reacts_to<TimelineEnd>,
    // From the server, the evaluator, the dispatcher, the recorder: their last words.
    caf::reacts_to<OutcomePtr>, caf::reacts_to<atom::drain, ReportPtr>,
    caf::reacts_to<atom::report, std::uint64_t, std::uint64_t>, caf::reacts_to<atom::closed>,
    // Somebody cannot go on, and why.
    caf::reacts_to<atom::failed, std::string>,
    // Ends that participant abnormally: by tests of the supervision, and by the timeline where a client's actor died of
    // that before the run was stopped.
    caf::reacts_to<atom::crash, NodeId, std::string>,
    // INTERNAL: a phase of the shutdown has lasted too long. Tagged with the phase.
    caf::reacts_to<atom::force, int>>;

/// Where the participants are.
struct Directory {
  server_actor server;
  unlearner_actor unlearner;
  calibrator_actor calibrator;
  std::vector<client_actor> clients;
};

}  // namespace afu::actors
