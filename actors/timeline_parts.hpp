#pragma once
/// What the timeline counts and tells the time by: plain values, beside its journal, its traffic and its replay.
#include <caf/all.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <unordered_set>

#include "actors/messages.hpp"

namespace afu::actors {

/// The wall clock, in the run's seconds.
struct WallClock {
  double time_scale = 1;
  caf::actor_clock::time_point began{};
  std::uint64_t generation = 0;  ///< of its timer: an older one has no meaning any more

  double seconds(caf::actor_clock::time_point now) const {
    return std::chrono::duration<double>(now - began).count() / time_scale;
  }
  /// It is `seconds` now.
  void set(caf::actor_clock::time_point now, double seconds) {
    began = now - std::chrono::duration_cast<caf::actor_clock::duration_type>(
                      std::chrono::duration<double>(seconds * time_scale));
  }
};

/// Deliveries that are not acknowledged yet, and how many there were.
struct Deliveries {
  std::uint64_t outstanding = 0, count = 0;
  std::uint64_t at_once = 0;  ///< at the present time of the virtual clock
  NodeId awaited = 0;         ///< virtual clock: whose acknowledgement

  void begin(NodeId to) {
    ++outstanding;
    awaited = to;
  }
  void end() {
    if (outstanding > 0) --outstanding;
  }
};

/// How the run has come to its end.
struct Ending {
  static constexpr std::size_t most_gone = 5;  ///< clients gone for good that are named
  bool stuck = false, ended = false;
  TimelineEnd told;                 ///< what the federation is to be told
  std::unordered_set<NodeId> gone;  ///< clients that will never be back, or never done

  void add_gone(NodeId client, double now) {
    if (!gone.insert(client).second) return;
    told.gone_count = gone.size();
    if (told.gone.size() < most_gone) told.gone.push_back({client, now});
  }
};

}  // namespace afu::actors
