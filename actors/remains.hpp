#pragma once
/// What is known of a run though who knew it has ended: nothing that the server took is lost with it.
#include <mutex>
#include <optional>
#include <utility>

#include "actors/messages.hpp"

namespace afu::actors {

/// What the server and the timeline have told, or, where something ended them before, what stood then. To be read when
/// all actors have ended.
class Remains {
 public:
  void server_lives() {
    const std::lock_guard<std::mutex> lock(mutex_);
    server_lived_ = true;
  }
  void leave(OutcomePtr o) {
    const std::lock_guard<std::mutex> lock(mutex_);
    outcome_ = std::move(o);
  }
  void leave(TimelineEnd e) {
    const std::lock_guard<std::mutex> lock(mutex_);
    end_ = std::move(e);
  }

  bool server_lived() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return server_lived_;
  }
  OutcomePtr outcome() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return outcome_;
  }
  std::optional<TimelineEnd> end() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return end_;
  }

 private:
  mutable std::mutex mutex_;
  bool server_lived_ = false;
  OutcomePtr outcome_;
  std::optional<TimelineEnd> end_;
};

}  // namespace afu::actors
