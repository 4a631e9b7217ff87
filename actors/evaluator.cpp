#include <caf/all.hpp>
#include <deque>
#include <limits>
#include <utility>

#include "actors/behaviour.hpp"
#include "actors/spawn.hpp"
#include "attack/campaign.hpp"
#include "config/scenario.hpp"
#include "metrics/evaluate_job.hpp"

namespace afu::actors {
namespace {

/// Measures versions in the order in which they were published, and attacks some of them; rows come out in
/// that order too.
struct EvaluatorState {
  static inline const char* name = "evaluator";
  ContextPtr context;
  dispatcher_actor dispatcher;
  recorder_actor recorder;
  federation_actor federation;
  struct Item {
    std::uint64_t number;
    federate::Evaluation evaluation;
    bool measured;
    std::vector<std::uint32_t> found_by{};  ///< requests that found this version
  };
  std::deque<Item> items;
  std::uint64_t count = 0;
  record::MetricsRow last;  ///< the latest that was asked for
  std::optional<attack::Campaign> campaign;
  attack::Campaign::Orders held;  ///< until the run is over
  bool draining = false;
  std::shared_ptr<RunReport> report = std::make_shared<RunReport>();
};
using Self = evaluator_actor::stateful_pointer<EvaluatorState>;

std::optional<double> figure(const job::JobResult& r, const std::string& name) {
  auto i = r.figures.find(name);
  return i == r.figures.end() ? std::nullopt : std::optional<double>(i->second);
}

bool same(const record::MetricsRow& a, const record::MetricsRow& b) {
  return a.phase == b.phase && a.version == b.version && a.epoch == b.epoch && a.updates == b.updates;
}

void fill(record::MetricsRow& row, const job::JobResult& r, const metrics::EvaluationSets& sets) {
  row.test_accuracy = figure(r, "test_accuracy");
  row.balanced_accuracy = figure(r, "balanced_accuracy");
  row.forget_accuracy = figure(r, "forget_accuracy");
  row.retain_accuracy = figure(r, "retain_accuracy");
  row.attack_success_rate = figure(r, "attack_success_rate");
  row.mia_auc = figure(r, "mia_auc");
  row.test_loss = figure(r, "test_loss");
  row.test_auc = figure(r, "test_auc");
  row.calibration_error = figure(r, "calibration_error");
  row.brier_score = figure(r, "brier_score");
  row.same_answers = figure(r, "same_answers").has_value();
  const auto& requests = sets.requests;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto number = "." + std::to_string(i);
    row.requests.push_back({figure(r, "forget_accuracy" + number),
                            requests[i].backdoor ? row.attack_success_rate : std::nullopt,
                            figure(r, "mia_auc" + number), figure(r, "poisoned_success" + number)});
  }
  for (std::size_t g = 0; g < sets.groups.size(); ++g) {
    const auto number = "." + std::to_string(g);
    row.groups.push_back({figure(r, "group_accuracy" + number), figure(r, "group_balanced_accuracy" + number),
                          figure(r, "group_auc" + number), figure(r, "group_loss" + number)});
  }
}

void emit(Self self) {
  auto& st = self->state;
  while (!st.items.empty() && st.items.front().measured) {
    auto& item = st.items.front();
    if (st.recorder) self->send(st.recorder, item.evaluation.row);
    item.evaluation.row.groups = {};  // of many clients they are much, and the report has no use for them
    if (item.evaluation.before_erasure) {
      st.report->before = item.evaluation.row;
      st.report->has_before = true;
    }
    for (auto request : item.found_by) st.report->found[request] = item.evaluation.row;
    st.report->final = item.evaluation.row;
    st.report->has_final = true;
    st.report->rows.push_back(std::move(item.evaluation.row));
    st.items.pop_front();
  }
  if (st.draining && st.items.empty() && (!st.campaign || st.campaign->idle())) {
    if (st.campaign) st.report->snapshots = st.campaign->models();
    st.draining = false;
    self->send(st.federation, atom::drain_v, ReportPtr{st.report});
  }
}

/// Attacks take the lanes when nothing else wants them; on the wall clock after the run, since a lane that
/// has begun one could not be had back for a client.
void submit(Self self, attack::Campaign::Orders orders) {
  auto& st = self->state;
  if (st.context->wall() && !st.draining) {
    std::move(orders.begin(), orders.end(), std::back_inserter(st.held));
    return;
  }
  for (auto& order : orders) {
    const auto id = job_id(attack_owner, order.number);
    self->send(st.dispatcher, Submission{id, std::numeric_limits<double>::infinity(), order.name,
                                         std::make_shared<const job::Job>(std::move(order.job))});
    self->send(st.dispatcher, atom::join_v, id, caf::actor_cast<job_owner_actor>(self), false);
  }
}

void attacked(Self self, std::uint64_t number, const job::JobResult& r) {
  auto& st = self->state;
  submit(self, st.campaign->take(number, r));
  for (auto& row : st.campaign->rows()) {
    if (st.recorder) self->send(st.recorder, row);
    st.report->attacks.push_back(std::move(row));
  }
}

void measure(Self self, const federate::Evaluation& e) {
  auto& st = self->state;
  const auto& context = *st.context;
  if (st.campaign) submit(self, st.campaign->see(e.row, e.model, e.before_erasure));
  if (same(st.last, e.row)) {  // measured already, or about to be
    if (!e.request) return;
    if (!st.items.empty()) {
      auto& item = st.items.back();
      item.found_by.push_back(*e.request);
      item.evaluation.before_erasure = item.evaluation.before_erasure || e.before_erasure;
    } else {
      st.report->found[*e.request] = st.report->final;
      if (e.before_erasure) st.report->before = st.report->final, st.report->has_before = true;
    }
    return;
  }
  st.last = e.row;
  const auto id = job_id(evaluator_owner, ++st.count);
  // On the virtual clock at once: what is published has no business waiting in memory. On the wall clock when
  // nothing else wants the lanes.
  const double key = context.wall() ? std::numeric_limits<double>::infinity() : e.row.time;
  auto job = std::make_shared<const job::Job>(
      metrics::EvaluateJob{e.model, context.evaluation, context.scenario->evaluation.batch_size});
  st.items.push_back({st.count, e, false});
  st.items.back().evaluation.model.reset();
  if (e.request) st.items.back().found_by.push_back(*e.request);
  const bool shared = context.cache && (e.before_erasure || e.row.phase == "training");
  self->send(st.dispatcher, Submission{id, key, "evaluate", std::move(job), shared});
  self->send(st.dispatcher, atom::join_v, id, caf::actor_cast<job_owner_actor>(self), false);
}

evaluator_actor::behavior_type evaluator(Self self, ContextPtr context, dispatcher_actor dispatcher,
                                         recorder_actor recorder, federation_actor federation) {
  auto& st = self->state;
  st.context = std::move(context);
  st.dispatcher = std::move(dispatcher);
  st.recorder = std::move(recorder);
  st.federation = std::move(federation);
  if (st.context->attacks) {
    st.campaign.emplace(st.context->attacks);
    submit(self, st.campaign->begin());
  }
  return behaviour_of<evaluator_actor>(
      self, EvaluatorState::name, [=](atom::measure, const EvaluationPtr& e) { measure(self, *e); },
      [=](atom::joined, std::uint64_t id, const ResultPtr& r) {
        auto& st = self->state;
        if (!r->error.empty()) return self->send(st.federation, atom::failed_v, "evaluator: " + r->error);
        if (id >> 32 == attack_owner) attacked(self, id & 0xffffffffu, *r);
        for (auto& item : st.items)
          if (job_id(evaluator_owner, item.number) == id) {
            fill(item.evaluation.row, *r, *self->state.context->evaluation);
            item.measured = true;
          }
        emit(self);
      },
      [=](atom::drain) {
        self->state.draining = true;
        submit(self, std::move(self->state.held));
        if (self->state.campaign) submit(self, self->state.campaign->end());
        self->send(self->state.dispatcher, atom::drain_v);
        emit(self);
      },
      [=](atom::halt) {
        auto& st = self->state;
        auto so_far = std::make_shared<RunReport>(*st.report);
        if (st.campaign) so_far->snapshots = st.campaign->models();
        st.draining = false;
        self->send(st.federation, atom::drain_v, ReportPtr{std::move(so_far)});
      });
}

}  // namespace

evaluator_actor spawn_evaluator(caf::actor_system& sys, ContextPtr context, dispatcher_actor dispatcher,
                                recorder_actor recorder, federation_actor federation) {
  return sys.spawn(evaluator, std::move(context), std::move(dispatcher), std::move(recorder),
                   std::move(federation));
}

}  // namespace afu::actors
