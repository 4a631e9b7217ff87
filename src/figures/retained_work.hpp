#pragma once
/// How much of the retained clients' work reached the server, without the luck of where a window's ends fall.
#include <cstdint>
#include <vector>

namespace afu::figures {

/// Seconds on the run's clock.
struct TimeSpan {
  double begin = 0, end = 0;
};

/// Those of any order that may overlap, in order, apart and cut at `end`.
std::vector<TimeSpan> united(std::vector<TimeSpan> intervals, double end);

/// An update that the server accepted, of a client that never asks to be forgotten.
struct AcceptedUpdate {
  double time = 0;
  std::uint32_t client = 0;
};

/// Counts updates by the time that went into them: each grows evenly from its client's update before it (the
/// first: from 0) to itself, so that a window holds the share of it that lies within. Clients that send at a
/// steady pace have the same rate in every window, however short and wherever it begins, even where all send
/// at the same moments; a plain count would be off by up to one update a client at each end.
///
/// - No update grows while the server stands still: in each of `halted` (any order, may overlap) from the
///   last update accepted within it to its end. Where updates are accepted to the end of an interval (a
///   retraining, in which the old model is served), it does not stand still at all.
/// - Of the update that a client had under way at `run_end` its mean interval tells the length, or the time
///   that it has taken until then where that is longer: a client that fell silent adds less than one update.
/// - A client that was never accepted counts for nothing.
class RetainedWork {
 public:
  RetainedWork() = default;
  /// `accepted` in any order; `run_end` >= all their times.
  RetainedWork(const std::vector<AcceptedUpdate>& accepted, const std::vector<TimeSpan>& halted,
               double run_end);

  /// Updates in (begin, end], 0 <= begin <= end <= run_end; 0 where begin >= end.
  double in(double begin, double end) const;
  bool empty() const { return clients_.empty(); }
  double first() const { return first_; }  ///< time of the first accepted update; 0 where there is none
  double last() const { return last_; }    ///< of the last

 private:
  double running(double time) const;

  /// Of one client, its updates by running time, the last one being that under way at the end.
  using Arrivals = std::vector<double>;
  std::vector<Arrivals> clients_;
  std::vector<TimeSpan> idle_;  ///< in order, apart
  double first_ = 0, last_ = 0;
};

}  // namespace afu::figures
