#include "federate/coordinator.hpp"

#include <utility>

#include "config/scenario.hpp"
#include "federate/cluster_duties.hpp"
#include "federate/ending.hpp"
#include "federate/merging.hpp"
#include "federate/parts.hpp"
#include "federate/serving.hpp"
#include "federate/updates.hpp"
#include "federate/waiting.hpp"

namespace afu::federate {

Coordinator::Coordinator(Setup setup) : parts_(std::make_unique<Parts>(std::move(setup))) {}
Coordinator::~Coordinator() = default;

void Coordinator::start(double now, Effects& fx) {
  auto& p = *parts_;
  p.at.now = now;
  p.trainers.tasks.open();
  for (auto& post : p.requests.scheduled()) fx.posts.push_back(std::move(post));
  for (auto& post : p.requests.due(0, 0)) fx.posts.push_back(std::move(post));
  p.measure(fx);
  settle(fx);
}

template <class Message>
void Coordinator::take_message(double now, const Message& m, Effects& fx) {
  parts_->at.now = now;
  if (take(*parts_, m, fx)) settle(fx);
}

void Coordinator::on(double now, const Update& m, Effects& fx) { take_message(now, m, fx); }
void Coordinator::on(double now, const Dropped& m, Effects& fx) { take_message(now, m, fx); }
void Coordinator::on(double now, const CollectResult& m, Effects& fx) { take_message(now, m, fx); }
void Coordinator::on(double now, const EraseRequest& m, Effects& fx) { take_message(now, m, fx); }
void Coordinator::on(double now, const EraseResult& m, Effects& fx) { take_message(now, m, fx); }
void Coordinator::on(double now, const CalibrateResult& m, Effects& fx) { take_message(now, m, fx); }

void Coordinator::merged(double now, const job::JobResult& result, Effects& fx) {
  parts_->at.now = now;
  if (take_merge(*parts_, result, fx)) settle(fx);
}

void Coordinator::settle(Effects& fx) {
  auto& p = *parts_;
  auto& queue = p.merging.queue;
  if (queue.busy()) return;
  fx.stop = p.account.stopped;
  if (p.account.divergence) return;
  for (;;) {
    if (!queue.empty()) {
      begin_merge(p, fx);
      if (queue.busy()) return;
    } else if (!advance_any(p, fx) && !tend_clusters(p, fx)) {
      break;
    }
  }
  judge_clusters(p, fx);
  if (!p.account.stopped) hand_out(p, fx);
  fx.stop = p.account.stopped;
}

Outcome Coordinator::outcome() const { return outcome_of(*parts_); }

std::uint64_t Coordinator::updates() const { return parts_->at.updates; }

std::string Coordinator::waited_for() const { return federate::waited_for(*parts_); }

Evaluation Coordinator::evaluation(double now) const {
  auto at = parts_->at;
  at.now = now;
  return evaluation_of(at, parts_->requests.phase());
}

}  // namespace afu::federate
