#pragma once
/// What the unlearner and the calibrator share: a task is a job for the lanes and a modelled duration; when
/// both are over the result goes to the server.
#include <caf/all.hpp>
#include <map>
#include <optional>
#include <utility>

#include "actors/spawn.hpp"

namespace afu::actors {

template <class Task>
struct WorkerState {
  ContextPtr context;
  timeline_actor timeline;
  dispatcher_actor dispatcher;
  federation_actor federation;
  NodeId node = 0;
  std::uint64_t count = 0;
  std::map<std::uint64_t, Task> tasks;  ///< by work number

  template <class Self>
  void acknowledge(Self self, std::vector<federate::Post> posts, std::optional<std::uint64_t> timer = {}) {
    Ack ack;
    ack.from = node;
    ack.timer = timer;
    ack.posts = std::move(posts);
    self->send(timeline, std::move(ack));
  }
  /// Begins `task`, whose modelled work begins at `start` and ends at `end`.
  template <class Self>
  void begin(Self self, double start, double end, const char* what, const Task& task) {
    const auto work = ++count;
    if (task.job) self->send(dispatcher, Submission{job_id(node, work), end, what, task.job});
    tasks.emplace(work, task);
    std::vector<federate::Post> posts;
    posts.push_back({node, node, end, -1, false, 0, federate::WorkDone{work, start}});
    acknowledge(self, std::move(posts));
  }
  /// The modelled work is over: answers at once when nothing is computed, else when the result is there.
  template <class Self>
  void timer(Self self, const federate::WorkDone& m) {
    auto i = tasks.find(m.work);
    if (i == tasks.end()) return acknowledge(self, {}, m.work);
    if (!i->second.job) return answer(self, m.work, nullptr);
    self->send(dispatcher, atom::join_v, job_id(node, m.work), caf::actor_cast<job_owner_actor>(self), true);
  }
  template <class Self>
  void answer(Self self, std::uint64_t id, ResultPtr result) {
    const auto work = id & 0xffffffffu;
    auto i = tasks.find(work);
    if (i == tasks.end()) return;
    // Not acknowledged: nothing is to happen that a run which goes on would not have.
    if (result && !result->error.empty())
      return self->send(federation, atom::failed_v, record::node_name(node) + ": " + result->error);
    std::vector<federate::Post> posts;
    posts.push_back(reply(*context, i->second, std::move(result)));
    tasks.erase(i);
    acknowledge(self, std::move(posts), work);
  }
};

}  // namespace afu::actors
