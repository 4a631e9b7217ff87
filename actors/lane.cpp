#include <caf/all.hpp>
#include <utility>

#include "actors/detached.hpp"
#include "actors/spawn.hpp"
#include "job/key.hpp"

namespace afu::actors {
namespace {

/// One execution lane in a thread of its own, which may block: the only place where tensors are computed.
struct LaneState {
  static inline const char* name = "lane";
  ContextPtr context;
  std::uint32_t lane = 0;
  std::unique_ptr<lane::Engine> engine;
};
using Self = lane_actor::stateful_pointer<LaneState>;

std::vector<std::pair<std::uint64_t, ResultPtr>> run_all(LaneState& st,
                                                         const std::vector<Submission>& given) {
  std::vector<std::pair<std::uint64_t, ResultPtr>> results;
  if (given.size() == 1) {
    const auto& s = given.front();
    const auto run = [&] { return st.engine->run(*s.job); };
    const auto& cache = st.context->cache;
    results.emplace_back(s.id, s.shared && cache
                                   ? cache->get(job::key_of(st.context->surroundings, *s.job), run)
                                   : std::make_shared<const job::JobResult>(run()));
    return results;
  }
  std::vector<JobPtr> jobs;
  for (const auto& s : given) jobs.push_back(s.job);
  auto together = st.engine->run_together(jobs);
  for (std::size_t i = 0; i < given.size(); ++i)
    results.emplace_back(given[i].id, std::make_shared<const job::JobResult>(std::move(together[i])));
  return results;
}

std::string name_of(const std::vector<Submission>& given) {
  return given.size() == 1 ? given.front().name : "train " + std::to_string(given.size()) + " clients";
}

lane_actor::behavior_type lane(Self self, ContextPtr context, std::uint32_t number,
                               federation_actor federation) {
  auto& st = self->state;
  st.context = std::move(context);
  st.lane = number;
  return {
      [=](const Assignment& assignment, const dispatcher_or_server& owner) {
        auto& st = self->state;
        const double begin = st.context->elapsed();
        if (!st.engine) {  // here, and not when it is spawned: this is the lane's thread
          try {
            st.engine = lane::Engine::make(st.context->lanes.at(st.lane));
          } catch (const std::exception& e) {
            return self->send(federation, atom::failed_v,
                              "lane " + std::to_string(st.lane) + ": " + e.what());
          }
        }
        auto results = run_all(st, *assignment);
        self->send(owner, Finished{st.lane,
                                   std::move(results),
                                   {st.lane, name_of(*assignment), begin, st.context->elapsed()}});
      },
  };
}

}  // namespace

lane_actor spawn_lane(caf::actor_system& sys, ContextPtr context, std::uint32_t number,
                      federation_actor federation) {
  return spawn_detached(sys, lane, std::move(context), number, std::move(federation));
}

}  // namespace afu::actors
