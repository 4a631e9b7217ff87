#include <cmath>

#include "actors/behaviour.hpp"
#include "actors/work.hpp"
#include "config/scenario.hpp"

namespace afu::federate {

/// Found by WorkerState through its task: what goes to the server when an erasure is done.
inline Post reply(const actors::Context& context, const EraseTask& task, ResultPtr result) {
  const auto link = task.at_target ? static_cast<std::int64_t>(task.client) : -1;
  return {record::unlearner_node,
          record::server_node,
          0,
          link,
          true,
          task.at_target ? context.setup.model_bytes + 64 : 0,
          EraseResult{task.request, std::move(result)}};
}

}  // namespace afu::federate

namespace afu::actors {
namespace {

/// The unlearning worker. Work at the target takes the target's modelled time, and waits while it is away.
struct UnlearnerState : WorkerState<federate::EraseTask> {
  static inline const char* name = "unlearner";
  std::unique_ptr<sim::Availability> availability;  ///< its own cursor: clients ask from other threads
};
using Self = unlearner_actor::stateful_pointer<UnlearnerState>;

void erase(Self self, double now, const federate::EraseTask& task) {
  auto& st = self->state;
  const auto& profiles = *st.context->profiles;
  double start = now, end = now;
  if (task.at_target) {
    constexpr std::uint64_t erasure_jobs = 1ull
                                           << 40;  // numbers of their own: training jobs keep their jitter
    start = st.availability->next_on(task.client, now);
    const double work = profiles.job_seconds(task.client, erasure_jobs + task.request, task.passes);
    if (std::isfinite(start)) end = st.availability->finish(task.client, start, work);
    if (!std::isfinite(start) || !std::isfinite(end)) {
      auto none = std::make_shared<job::JobResult>();
      none->error = record::node_name(record::first_client_node + task.client) +
                    " never comes back, so it cannot erase";
      return st.acknowledge(self, {{record::unlearner_node, record::server_node, now, -1, false, 0,
                                    federate::EraseResult{task.request, std::move(none)}}});
    }
  } else {
    end = now + profiles.server_job_seconds(task.passes);
  }
  st.begin(self, start, end, "erase", task);
}

unlearner_actor::behavior_type unlearner(Self self, ContextPtr context, timeline_actor timeline,
                                         dispatcher_actor dispatcher, federation_actor federation) {
  auto& st = self->state;
  const auto& s = *context->scenario;
  st.availability =
      std::make_unique<sim::Availability>(s.heterogeneity.availability, s.scenario.seed,
                                          static_cast<std::int64_t>(context->setup.samples.size()), s.file);
  st.context = std::move(context);
  st.timeline = std::move(timeline);
  st.dispatcher = std::move(dispatcher);
  st.federation = std::move(federation);
  st.node = record::unlearner_node;
  return behaviour_of<unlearner_actor>(
      self, UnlearnerState::name, [=](double now, const federate::EraseTask& m) { erase(self, now, m); },
      [=](double, const federate::WorkDone& m) { self->state.timer(self, m); },
      [=](atom::joined, std::uint64_t id, const ResultPtr& r) { self->state.answer(self, id, r); });
}

}  // namespace

unlearner_actor spawn_unlearner(caf::actor_system& sys, ContextPtr context, timeline_actor timeline,
                                dispatcher_actor dispatcher, federation_actor federation) {
  return sys.spawn(unlearner, std::move(context), std::move(timeline), std::move(dispatcher),
                   std::move(federation));
}

}  // namespace afu::actors
