#include <caf/all.hpp>
#include <utility>

#include "actors/spawn.hpp"
#include "compute/job_key.hpp"

namespace afu::actors {
namespace {

/// One execution lane in a thread of its own, which may block: the only place where tensors are computed.
struct LaneState {
  static inline const char* name = "lane";
  ContextPtr context;
  std::uint32_t lane = 0;
  std::unique_ptr<compute::Engine> engine;
};
using Self = lane_actor::stateful_pointer<LaneState>;

lane_actor::behavior_type lane(Self self, ContextPtr context, std::uint32_t number,
                               federation_actor federation) {
  auto& st = self->state;
  st.context = std::move(context);
  st.lane = number;
  return {
      [=](std::uint64_t id, const std::string& what, const JobPtr& job, bool shared,
          const dispatcher_or_server& owner) {
        auto& st = self->state;
        const double begin = st.context->elapsed();
        if (!st.engine) {  // here, and not when it is spawned: this is the lane's thread
          try {
            st.engine = compute::Engine::make(st.context->lanes.at(st.lane));
          } catch (const std::exception& e) {
            return self->send(federation, atom::failed_v,
                              "lane " + std::to_string(st.lane) + ": " + e.what());
          }
        }
        const auto run = [&] { return st.engine->run(*job); };
        const auto& cache = st.context->cache;
        auto result = shared && cache ? cache->get(compute::job_key(st.context->surroundings, *job), run)
                                      : std::make_shared<const compute::JobResult>(run());
        self->send(owner,
                   Finished{st.lane, id, std::move(result), {st.lane, what, begin, st.context->elapsed()}});
      },
  };
}

}  // namespace

lane_actor spawn_lane(caf::actor_system& sys, ContextPtr context, std::uint32_t number,
                      federation_actor federation) {
  return sys.spawn<caf::detached>(lane, std::move(context), number, std::move(federation));
}

}  // namespace afu::actors
