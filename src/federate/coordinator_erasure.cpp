/// Requests: what the server does with an unlearning method's steps.
#include <algorithm>
#include <type_traits>
#include <utility>

#include "federate/coordinator.hpp"

namespace afu::federate {

using Kind = record::Decision::Kind;

bool Coordinator::exclusive(const Active& a) const {
  return a.request.coordination == unlearn::Coordination::blocking || method_.traits.restarts;
}

void Coordinator::on(double now, const EraseRequest& m, Effects& fx) {
  now_ = now;
  auto& a = requests_[m.request];
  const auto client = a.request.client;
  auto& c = clients_[client];
  a.record.requested_at = now_;
  a.requested = true;
  evaluate(true, fx);
  a.procedure = method_.start(a.request);
  if (c.excluded) {  // all of it is erased, or being erased, already
    a.done = true;
    a.record.merged_at = a.record.forgotten_at = now_;
    return settle(fx);
  }
  // Whatever it still sends was trained on what must go (METHODS 9.1 R1). Nobody waits for it.
  c.excluded = true;
  release(client);
  idle_.erase(std::remove(idle_.begin(), idle_.end(), client), idle_.end());
  a.record.lost_updates += rule_->forget(client);
  end_of_round();
  const bool busy = std::any_of(requests_.begin(), requests_.end(), [&](const Active& other) {
    return &other != &a && other.procedure && !other.done && exclusive(other);
  });
  if (!(exclusive(a) && busy)) a.waiting = Active::Waiting::turn;
  settle(fx);
}

void Coordinator::on(double now, const EraseResult& m, Effects& fx) {
  now_ = now;
  advance(m.request, m.result.get(), fx);
  settle(fx);
}

void Coordinator::on(double now, const CalibrateResult& m, Effects& fx) {
  now_ = now;
  advance(m.request, m.result.get(), fx);
  settle(fx);
}

unlearn::View Coordinator::view(const Active& a) const {
  unlearn::View v;
  v.scenario = setup_.scenario.get();
  v.settings = &scenario().unlearning.methods.at(method_.name);
  v.version = version_;
  v.epoch = epoch_;
  v.updates = updates_;
  v.clients = static_cast<std::int64_t>(clients_.size());
  v.synchronous = rule_->synchronous();
  v.model = model_;
  v.initial = setup_.initial;
  v.target = ledger_.find(a.request.client);
  v.target_updates = clients_[a.request.client].accepted;
  if (setup_.data)
    for (std::size_t i = 0; i < setup_.data->calibration.size() && i < clients_.size(); ++i)
      if (!clients_[i].asked && !setup_.data->calibration[i]->empty())
        v.environments.push_back(setup_.data->calibration[i]);
  return v;
}

void Coordinator::advance(std::size_t request, const compute::JobResult* result, Effects& fx) {
  auto& a = requests_[request];
  using W = Active::Waiting;
  a.waiting = W::nothing;
  while (a.waiting == W::nothing && !a.done) {
    auto step = a.procedure->next(view(a), result);
    result = nullptr;
    std::visit(
        [&](auto& s) {
          using S = std::decay_t<decltype(s)>;
          const auto job = static_cast<std::uint32_t>(request);
          if constexpr (std::is_same_v<S, unlearn::Halt>) {
            a.halting = true;
            if (halts_++ == 0) decide(Kind::halted, a.request.client, 0, 0, fx);
            begin_interval(a);
            a.waiting = W::drain;
          } else if constexpr (std::is_same_v<S, unlearn::Resume>) {
            a.halting = false;
            end_interval(a);
            needs_work_ = true;
            if (--halts_ == 0) decide(Kind::resumed, a.request.client, 0, 0, fx);
          } else if constexpr (std::is_same_v<S, unlearn::Erase>) {
            a.waiting = W::erase;
            EraseTask task{job, s.at_target, a.request.client, s.passes, nullptr};
            if (!timing()) task.job = std::make_shared<const compute::Job>(std::move(s.job));
            fx.posts.push_back({record::server_node, record::unlearner_node, 0,
                                s.at_target ? static_cast<std::int64_t>(a.request.client) : -1, false,
                                s.at_target ? setup_.model_bytes : 0, std::move(task)});
          } else if constexpr (std::is_same_v<S, unlearn::MergeErasure>) {
            a.waiting = W::merge;
            merges_.push_back({std::nullopt, request, true, s.delta, s.influence_gain, {}});
          } else if constexpr (std::is_same_v<S, unlearn::Calibrate>) {
            a.waiting = W::calibrate;
            CalibrateTask task{job, version_, s.passes, nullptr};
            if (!timing()) task.job = std::make_shared<const compute::Job>(std::move(s.job));
            fx.posts.push_back(
                {record::server_node, record::calibrator_node, 0, -1, false, 0, std::move(task)});
          } else if constexpr (std::is_same_v<S, unlearn::MergeCalibration>) {
            a.waiting = W::merge;
            merges_.push_back({std::nullopt, request, false, s.delta, std::nullopt, {}});
          } else if constexpr (std::is_same_v<S, unlearn::AwaitUpdates>) {
            a.wait_until = updates_ + s.count;
            if (s.count > 0) a.waiting = W::updates;
          } else if constexpr (std::is_same_v<S, unlearn::Restart>) {
            restart(a, s.barrier, fx);
          } else if constexpr (std::is_same_v<S, unlearn::Forgotten>) {
            a.record.forgotten_at = now_;
            if (!a.record.merged_at) a.record.merged_at = now_;
            for (auto& correction : corrections_) correction.open = false;
            if (a.restarted) end_interval(a);
            if (a.barrier) {
              a.barrier = false;
              abandon_all();
              rule_ = std::move(parked_rule_);
            }
            dense_until_ = version_ + static_cast<std::uint64_t>(scenario().evaluation.dense_updates);
            decide(Kind::forgotten, a.request.client, 0, 0, fx);
            evaluate(false, fx);
          } else {
            a.done = true;
          }
        },
        step);
  }
  if (!a.done) return;
  if (a.request.samples_only && clients_[a.request.client].excluded) readmit(a);
  ledger_.forget(a.request.client);
  for (auto& other : requests_)  // the next of those that are served one after the other
    if (other.procedure && !other.done && other.waiting == W::nothing) {
      other.waiting = W::turn;
      break;
    }
}

void Coordinator::restart(Active& a, bool barrier, Effects& fx) {
  a.restarted = true;
  begin_interval(a);
  for (const auto& c : clients_) a.record.lost_updates += c.busy;
  abandon_all();
  rule_->reset();
  if (barrier && !rule_->synchronous()) {
    a.barrier = true;
    parked_rule_ = std::exchange(rule_, aggregate::make_rule("fedavg", scenario().training, mean_samples_));
  }
  ledger_.reset();
  corrections_.clear();
  model_ = setup_.initial;
  ++version_, ++epoch_;
  round_ = 0;
  if (a.request.samples_only) readmit(a);
  updates_ = 0;
  for (const auto& c : clients_)
    if (c.excluded) updates_ += c.accepted;
  last_evaluated_updates_ = updates_;
  decide(Kind::restarted, a.request.client, 0, 0, fx);
  needs_work_ = true;
}

void Coordinator::readmit(Active& a) {
  auto& c = clients_[a.request.client];
  c.excluded = false;
  ++c.share;
  ++c.job;  // what it may still be working on is void
  idle_.push_back(a.request.client);
  needs_work_ = true;
}

void Coordinator::begin_interval(Active& a) {
  if (!a.interval_began) a.interval_began = now_;
}

void Coordinator::end_interval(Active& a) {
  if (a.interval_began) a.halted.push_back({*a.interval_began, now_});
  a.interval_began.reset();
}

}  // namespace afu::federate
