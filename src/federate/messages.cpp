#include "federate/messages.hpp"

namespace afu::federate {
namespace {

using record::Event;
using record::EventType;

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

}  // namespace

EventType event_type(const Post& p) {
  return std::visit(Overloaded{[](const TrainTask&) { return EventType::train_task; },
                               [](const JobDone&) { return EventType::job_done; },
                               [](const Update&) { return EventType::update; },
                               [](const Dropped&) { return EventType::dropped; },
                               [](const CollectTask&) { return EventType::collect_task; },
                               [](const CollectResult&) { return EventType::collect_result; },
                               [](const EraseRequest&) { return EventType::erase_request; },
                               [](const EraseTask&) { return EventType::erase_task; },
                               [&](const WorkDone&) {
                                 return p.to == record::unlearner_node ? EventType::erase_job_done
                                                                       : EventType::calibrate_job_done;
                               },
                               [](const EraseResult&) { return EventType::erase_result; },
                               [](const CalibrateTask&) { return EventType::calibrate_task; },
                               [](const CalibrateResult&) { return EventType::calibrate_result; }},
                    p.payload);
}

Event to_event(const Post& p, double sent, double time) {
  Event e{time, sent, event_type(p), p.from, p.to, 0, 0, 0, p.bytes};
  std::visit(
      Overloaded{[&](const TrainTask& m) { e.job = m.job, e.version = m.version, e.epoch = m.epoch; },
                 [&](const JobDone& m) { e.job = m.job, e.sent = m.began; },
                 [&](const Update& m) { e.job = m.job, e.version = m.base_version, e.epoch = m.base_epoch; },
                 [&](const Dropped& m) { e.job = m.job; }, [&](const EraseRequest& m) { e.job = m.request; },
                 [&](const CollectTask& m) { e.job = m.job; }, [&](const CollectResult& m) { e.job = m.job; },
                 [&](const EraseTask& m) { e.job = m.request; },
                 [&](const WorkDone& m) { e.job = m.work, e.sent = m.began; },
                 [&](const EraseResult& m) { e.job = m.request; },
                 [&](const CalibrateTask& m) { e.job = m.request, e.version = m.base_version; },
                 [&](const CalibrateResult& m) { e.job = m.request, e.version = m.base_version; }},
      p.payload);
  return e;
}

}  // namespace afu::federate
