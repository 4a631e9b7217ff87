#pragma once
/// What the timeline counts and tells the time by: plain values, beside its journal, its traffic and its replay.
#include <caf/all.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_set>
#include <utility>
#include <vector>

#include "actors/messages.hpp"
#include "lane/checkpoint_file.hpp"

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

/// Virtual clock, of a run that goes on: the deaths of clients' actors, on their way to happen again where they did.
class Deaths {
 public:
  using Step = lane::ClockStep;

  Deaths() = default;
  explicit Deaths(std::vector<Step> steps) : ahead_(steps.begin(), steps.end()) {}

  /// The next that is to happen before the `number`-th message is handed out. Null: there is none, or it is under way.
  const Step* due(std::uint64_t number) {
    if (under_way_ || ahead_.empty() || ahead_.front().number != number) return nullptr;
    under_way_ = true;
    return &ahead_.front();
  }
  bool under_way() const { return under_way_; }
  /// It has happened.
  void happened() {
    under_way_ = false;
    met_.push_back(std::move(ahead_.front()));
    ahead_.pop_front();
  }
  /// Those that have, once.
  std::vector<Step> met() { return std::exchange(met_, {}); }

 private:
  std::deque<Step> ahead_;
  std::vector<Step> met_;
  bool under_way_ = false;
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
