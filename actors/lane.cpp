#include <caf/all.hpp>
#include <utility>

#include "actors/behaviour.hpp"
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

ResultPtr failed(const std::string& why) {
  auto result = std::make_shared<job::JobResult>();
  result->error = why;
  return result;
}

/// Of a run that goes on: the result that it had before. Null: the job is to be computed. An error where it cannot be;
/// of a job that was taken back nobody will see it.
ResultPtr known(const LaneState& st, const Submission& s) {
  const auto& checkpoint = st.context->checkpoint;
  if (!checkpoint || !checkpoint->goes_on()) return nullptr;
  try {
    if (auto result = checkpoint->find(s.id, *s.job)) return result;
  } catch (const std::exception& e) {
    return failed(e.what());
  }
  if (!lane::reads_a_ghost(*s.job)) return nullptr;
  return failed(s.name + ": needs a vector that the checkpoint does not hold");
}

ResultPtr kept(const LaneState& st, const Submission& s, ResultPtr result, bool shared) {
  const auto& checkpoint = st.context->checkpoint;
  return checkpoint ? checkpoint->keep(s.id, *s.job, std::move(result), shared) : std::move(result);
}

ResultPtr run_alone(LaneState& st, const Submission& s) {
  const auto run = [&] { return st.engine->run(*s.job); };
  const auto& cache = st.context->cache;
  const bool shared = s.shared && cache;
  return kept(st, s,
              shared ? cache->get(job::key_of(st.context->surroundings, *s.job), run)
                     : std::make_shared<const job::JobResult>(run()),
              shared);
}

using ResultsByJob = std::vector<std::pair<std::uint64_t, ResultPtr>>;

/// Into `results`, as far as there are any. Throws lane::NodeLost.
void run_open(LaneState& st, const std::vector<const Submission*>& open, ResultsByJob& results) {
  if (open.size() == 1) results.emplace_back(open.front()->id, run_alone(st, *open.front()));
  if (open.size() < 2) return;
  std::vector<JobPtr> jobs;
  for (const auto* s : open) jobs.push_back(s->job);
  auto together = st.engine->run_together(jobs);
  for (std::size_t i = 0; i < open.size(); ++i)
    results.emplace_back(
        open[i]->id,
        kept(st, *open[i], std::make_shared<const job::JobResult>(std::move(together[i])), false));
}

struct Ran {
  ResultsByJob results;  ///< null: see Finished
  bool lost = false;
};

Ran run_all(LaneState& st, const std::vector<Submission>& given) {
  Ran ran;
  auto& results = ran.results;
  std::vector<const Submission*> open;
  for (const auto& s : given) {
    if (auto result = known(st, s))
      results.emplace_back(s.id, std::move(result));
    else
      open.push_back(&s);
  }
  try {
    run_open(st, open, results);
  } catch (const lane::NodeLost&) {  // whose link has told of it
    ran.lost = true;
    for (const auto* s : open) results.emplace_back(s->id, nullptr);
  }
  return ran;
}

std::string name_of(const std::vector<Submission>& given) {
  return given.size() == 1 ? given.front().name : "train " + std::to_string(given.size()) + " clients";
}

lane_actor::behavior_type lane(Self self, ContextPtr context, std::uint32_t number,
                               federation_actor federation) {
  auto& st = self->state;
  st.context = std::move(context);
  st.lane = number;
  return behaviour_of<lane_actor>(
      self, LaneState::name, [=](const Assignment& assignment, const dispatcher_or_server& owner) {
        auto& st = self->state;
        const double begin = st.context->elapsed();
        if (!st.engine) {  // here, and not when it is spawned: this is the lane's thread
          try {
            st.engine = lane::Engine::make(st.context->lanes.at(st.lane));
          } catch (const std::exception& e) {
            if (st.context->checkpoint) st.context->checkpoint->freeze();
            return self->send(federation, atom::failed_v,
                              "lane " + std::to_string(st.lane) + ": " + e.what());
          }
        }
        auto [results, lost] = run_all(st, *assignment);
        self->send(owner, Finished{st.lane,
                                   std::move(results),
                                   {st.lane, name_of(*assignment), begin, st.context->elapsed()}});
        if (!lost) return;
        try {
          st.engine->await_node();
        } catch (const lane::NodeLost&) {
          return;  // the run ends
        }
        self->send(owner, Finished{st.lane, {}, {}});
      });
}

}  // namespace

lane_actor spawn_lane(caf::actor_system& sys, ContextPtr context, std::uint32_t number,
                      federation_actor federation) {
  return spawn_detached(sys, lane, std::move(context), number, std::move(federation));
}

}  // namespace afu::actors
