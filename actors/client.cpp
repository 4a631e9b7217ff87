#include <caf/all.hpp>
#include <cmath>

#include "actors/behaviour.hpp"
#include "actors/spawn.hpp"
#include "config/scenario.hpp"
#include "train/train_job.hpp"

namespace afu::actors {
namespace {

/// One hospital. A million of them must fit: keep it small.
struct ClientState {
  static inline const char* name = "client";
  std::shared_ptr<const ClientWiring> wiring;
  std::uint32_t client = 0;
  bool submitted = false, waiting = false;
  bool collecting = false;  ///< the job is work for an unlearning method, `request`; else training
  std::uint32_t request = 0, samples = 0;
  std::int64_t passes = 0;
  std::uint64_t job = 0, version = 0, epoch = 0;
};
using Self = client_actor::stateful_pointer<ClientState>;

Ack ack_of(const ClientState& st, std::vector<federate::Post> posts) {
  Ack ack;
  ack.from = record::first_client_node + st.client;
  ack.posts = std::move(posts);
  return ack;
}

/// A message.
void acknowledge(Self self, std::vector<federate::Post> posts, bool gone = false) {
  auto ack = ack_of(self->state, std::move(posts));
  ack.gone = gone;
  self->send(self->state.wiring->timeline, std::move(ack));
}

/// The end of `job`.
void acknowledge_end(Self self, std::uint64_t job, std::vector<federate::Post> posts) {
  auto ack = ack_of(self->state, std::move(posts));
  ack.timer = job;
  self->send(self->state.wiring->timeline, std::move(ack));
}

/// The end of the job whose result it waited for: it has got another one.
void give_up(Self self) {
  auto ack = ack_of(self->state, {});
  ack.timer = self->state.job;
  ack.given_up = true;
  self->send(self->state.wiring->timeline, std::move(ack));
}

std::vector<federate::Post> one(federate::Post p) {
  std::vector<federate::Post> v;
  v.push_back(std::move(p));
  return v;
}

federate::Post to_server(const ClientState& st, double at, std::uint64_t bytes, federate::Payload payload) {
  return {record::first_client_node + st.client,
          record::server_node,
          at,
          st.client,
          true,
          bytes,
          std::move(payload)};
}

job::Job training_job(const ClientState& st, const federate::TrainTask& task, data::IndicesPtr samples) {
  const auto& s = *st.wiring->context->scenario;
  auto job = train::local_training(s.training, task.model, std::move(samples),
                                   federate::training_key(s, st.client, task.job), task.lr_factor);
  if (task.extras) job.sgd.lr *= task.extras->lr_factor;
  job.extras = task.extras;
  job.auxiliary = task.auxiliary;
  const auto& setup = st.wiring->context->setup;
  job.shards = federate::training_shards(setup, st.client, task.honours);
  job.parts = !setup.tracked.empty() && setup.tracked[st.client];
  return job;
}

/// Starts `job`, which the modelled client works on for `passes` sample gradients; an older one is abandoned.
/// Null in timing-only runs.
void begin(Self self, double now, std::uint64_t number, double passes, const char* what,
           federate::JobPtr job) {
  auto& st = self->state;
  const auto& context = *st.wiring->context;
  if (st.waiting) give_up(self);
  if (st.submitted)
    self->send(st.wiring->dispatcher, atom::cancel_v, job_id(record::first_client_node + st.client, st.job));
  st.waiting = st.submitted = false;
  st.job = number;

  auto& availability = *context.availability;
  const double start = availability.next_on(st.client, now);
  if (std::isinf(start)) return acknowledge(self, {}, true);  // it never comes back
  const double work = context.profiles->job_seconds(st.client, number, passes);
  const auto lost = availability.dropout(st.client, number);
  const double end = availability.finish(st.client, start, lost ? work * *lost : work);
  if (std::isinf(end)) return acknowledge(self, {}, true);
  if (job && !lost) {
    const auto id = job_id(record::first_client_node + st.client, st.job);
    self->send(st.wiring->dispatcher,
               Submission{id, end, what + std::string(" client/") + std::to_string(st.client), std::move(job),
                          context.shares()});
    st.submitted = true;
  }
  const auto node = record::first_client_node + st.client;
  acknowledge(self, one({node, node, end, -1, false, 0, federate::JobDone{number, start, lost.has_value()}}));
}

void train(Self self, double now, const federate::TrainTask& task) {
  auto& st = self->state;
  const auto& context = *st.wiring->context;
  const auto& t = context.scenario->training;
  const auto samples = federate::training_rows(context.setup, st.client, task.honours);
  const auto count = samples ? static_cast<std::int64_t>(samples->size())
                             : federate::training_samples(context.setup, st.client, task.honours);
  st.collecting = false;
  st.samples = static_cast<std::uint32_t>(count);
  st.version = task.version;
  st.epoch = task.epoch;
  st.passes = passes_of_job(t, count);
  federate::JobPtr job;
  if (!context.timing()) job = std::make_shared<const job::Job>(training_job(st, task, samples));
  begin(self, now, task.job, static_cast<double>(st.passes), "train", std::move(job));
}

void collect(Self self, double now, const federate::CollectTask& task) {
  auto& st = self->state;
  st.collecting = true;
  st.request = task.request;
  begin(self, now, task.job, task.passes, "unlearn", task.work);
}

/// What the client sends when its job is done; `result` is null in timing-only runs.
federate::Post report(const ClientState& st, double at, ResultPtr result) {
  const auto& setup = st.wiring->context->setup;
  if (st.collecting)
    return to_server(st, at, setup.model_bytes + 64,
                     federate::CollectResult{st.request, st.client, st.job, std::move(result)});
  federate::Update u{st.client, st.job, st.version, st.epoch, st.samples, st.passes, nullptr, nullptr, true};
  if (result) {
    u.finite = !result->not_finite;
    u.shortened = result->figures.count("shortened") > 0;
    u.passes = result->samples;
    u.delta = result->outputs.front();
    if (!setup.tracked.empty())
      u.parts.assign(result->outputs.begin() + 1, result->outputs.end());
    else if (result->outputs.size() > 1)
      u.auxiliary = result->outputs[1];
  }
  return to_server(st, at, setup.vectors_sent * setup.model_bytes + 64, std::move(u));
}

void done(Self self, double now, const federate::JobDone& m) {
  auto& st = self->state;
  const auto& context = *st.wiring->context;
  const auto answer = [&](federate::Post p) { acknowledge_end(self, m.job, one(std::move(p))); };
  if (m.job != st.job) return acknowledge_end(self, m.job, {});  // of a job it has abandoned
  if (m.lost) {
    const double restart = now + context.scenario->heterogeneity.availability.dropout_restart_seconds;
    return answer(to_server(st, restart, 64, federate::Dropped{st.client, st.job}));
  }
  if (context.timing()) return answer(report(st, now, nullptr));
  if (!st.submitted)  // a replacement that knows nothing of the job
    return answer(to_server(st, now, 64, federate::Dropped{st.client, m.job}));
  st.waiting = true;
  self->send(st.wiring->dispatcher, atom::join_v, job_id(record::first_client_node + st.client, st.job),
             caf::actor_cast<job_owner_actor>(self), true);
}

void result_is_there(Self self, std::uint64_t id, const ResultPtr& result) {
  auto& st = self->state;
  if (!st.waiting || id != job_id(record::first_client_node + st.client, st.job)) return;
  st.waiting = st.submitted = false;
  // Not acknowledged: nothing is to happen that a run which goes on would not have.
  if (!result->error.empty())
    return self->send(st.wiring->federation, atom::failed_v,
                      "client/" + std::to_string(st.client) + ": " + result->error);
  acknowledge_end(self, st.job, one(report(st, 0, result)));
}

client_actor::behavior_type client(Self self, std::shared_ptr<const ClientWiring> wiring,
                                   std::uint32_t number) {
  self->state.wiring = std::move(wiring);
  self->state.client = number;
  return behaviour_of<client_actor>(
      self, ClientState::name, [=](double now, const federate::TrainTask& m) { train(self, now, m); },
      [=](double now, const federate::CollectTask& m) { collect(self, now, m); },
      [=](double now, const federate::JobDone& m) { done(self, now, m); },
      [=](atom::joined, std::uint64_t id, const ResultPtr& r) { result_is_there(self, id, r); },
      [=](atom::crash) { self->quit(caf::exit_reason::unhandled_exception); });
}

}  // namespace

client_actor spawn_client(caf::actor_system& sys, const std::shared_ptr<const ClientWiring>& wiring,
                          std::uint32_t number) {
  return sys.spawn<caf::lazy_init>(client, wiring, number);
}

}  // namespace afu::actors
