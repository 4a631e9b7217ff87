#pragma once
/// A node of a run as its lanes see it: whether it is there, and work for it.
#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <condition_variable>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lane/engine.hpp"
#include "wire/values.hpp"

namespace afu::actors {

/// Work for a node.
struct Order {
  wire::Jobs jobs;
  std::promise<std::vector<job::JobResult>> results;
};
using OrderPtr = std::shared_ptr<Order>;

/// What became of a node in a run.
struct Tally {
  std::uint64_t computed = 0, losses = 0, given_back = 0;  ///< jobs; times; jobs
  std::string last;                                        ///< why it was lost the last time
};

/// A node as lanes see it: shared by their threads and the link's.
class Presence {
 public:
  enum class State { sought, there, closed };
  void computed(std::size_t jobs) {
    const std::lock_guard<std::mutex> lock(mutex_);
    tally_.computed += jobs;
  }
  void lost(std::size_t jobs, const std::string& why) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++tally_.losses, tally_.given_back += jobs, tally_.last = why;
  }
  Tally tally() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return tally_;
  }
  /// The link, which ends only once nobody holds it: so lanes, whose specifications outlive the network, do not. Null: it has ended.
  caf::actor link() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return link_;
  }
  /// The present connection, to be kept alive.
  caf::actor pipe() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return caf::actor_cast<caf::actor>(pipe_);
  }
  void set_pipe(const caf::actor& pipe) {
    const std::lock_guard<std::mutex> lock(mutex_);
    pipe_ = pipe.address();
  }
  void set_link(caf::actor link) {
    const std::lock_guard<std::mutex> lock(mutex_);
    link_ = std::move(link);
  }
  void set(State state) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (state_ == State::closed) return;
    state_ = state;
    changed_.notify_all();
  }
  /// Until it is there, or will never be.
  State wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return state_ != State::sought; });
    return state_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  caf::actor link_;
  caf::actor_addr pipe_;
  State state_ = State::sought;
  Tally tally_;
};

/// A lane on the node, in the thread of whoever gives it work.
std::unique_ptr<lane::Engine> remote_engine(std::shared_ptr<Presence> presence);

}  // namespace afu::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::OrderPtr)
