#include "actors/behaviour.hpp"
#include "actors/work.hpp"

namespace afu::federate {

/// Found by WorkerState through its task: what goes to the server when a calibration is done.
inline Post reply(const actors::Context&, const CalibrateTask& task, ResultPtr result) {
  return {record::calibrator_node,
          record::server_node,
          0,
          -1,
          true,
          0,
          CalibrateResult{task.request, task.base_version, std::move(result), task.probe}};
}

}  // namespace afu::federate

namespace afu::actors {
namespace {

/// Runs on the server's own hardware, beside the merges: it takes modelled time and delays nobody.
struct CalibratorState : WorkerState<federate::CalibrateTask> {
  static inline const char* name = "calibrator";
};
using Self = calibrator_actor::stateful_pointer<CalibratorState>;

calibrator_actor::behavior_type calibrator(Self self, ContextPtr context, timeline_actor timeline,
                                           dispatcher_actor dispatcher, federation_actor federation) {
  auto& st = self->state;
  st.context = std::move(context);
  st.timeline = std::move(timeline);
  st.dispatcher = std::move(dispatcher);
  st.federation = std::move(federation);
  st.node = record::calibrator_node;
  return behaviour_of<calibrator_actor>(
      self, CalibratorState::name,
      [=](double now, const federate::CalibrateTask& m) {
        auto& st = self->state;
        st.begin(self, now, now + st.context->profiles->server_job_seconds(m.passes), "calibrate", m);
      },
      [=](double, const federate::WorkDone& m) { self->state.timer(self, m); },
      [=](atom::joined, std::uint64_t id, const ResultPtr& r) { self->state.answer(self, id, r); });
}

}  // namespace

calibrator_actor spawn_calibrator(caf::actor_system& sys, ContextPtr context, timeline_actor timeline,
                                  dispatcher_actor dispatcher, federation_actor federation) {
  return sys.spawn(calibrator, std::move(context), std::move(timeline), std::move(dispatcher),
                   std::move(federation));
}

}  // namespace afu::actors
