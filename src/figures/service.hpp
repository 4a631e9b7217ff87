#pragma once
/// What users of the model got once a client had asked to be forgotten: how useful the version was that was
/// being served at each moment, and whether it still held what was to be erased (src/metrics/README.md, Time
/// of an erasure). Pure.
///
/// A version is served from its publication until the next one's. A retraining goes through weak models that
/// nobody is served: until it has caught up, the version that the request found is, which is useful and not
/// erased.
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "figures/retained_work.hpp"
#include "figures/run_data.hpp"

namespace afu::figures {

/// Between two evaluations the earlier one's figure stands for the versions between them, unless more than so
/// many rounds' updates were accepted there.
inline constexpr std::size_t longest_gap_rounds = 2;

struct ServedVersion {
  double since = 0;    ///< seconds since the first request; it is served until the next one's
  double utility = 0;  ///< a share
};

struct ServedCurve {
  /// Of the version that the first request found: what users had. (Not a mean over several evaluations before
  /// it: an arm that goes on serving that version loses nothing.)
  double base = 0;
  std::vector<ServedVersion> versions;  ///< that version first, since 0; the others in order
  double end = 0;                       ///< seconds from the first request to the run's end
  double known_until = 0;               ///< seconds since the first request
  std::string unknown;                  ///< why it is not known beyond; empty: it is, to the end
  /// Seconds since the first request: from each request until the version being served was without it,
  /// infinite where none was.
  std::vector<TimeSpan> held;

  /// At `seconds` since the request; before 0: `base`.
  double at(double seconds) const;
  /// From when on the version being served was without all that was asked for; absent: never.
  std::optional<double> erased() const;
};

/// `utility`: an accuracy on the test set. `restarted`: the run's erasures train again from the initial model
/// (CellFigures). `round_updates`: accepted updates of a round; 0: not known, and then no version may have
/// been left out of the evaluation.
ServedCurve served_curve(const Run& run, const Metric& utility, bool restarted, std::size_t round_updates);

/// Within `horizon` seconds from the first request.
struct Service {
  double horizon = 0;
  double lost = 0;  ///< by how much utility lay below `base`, over time: percentage points x seconds
  /// Seconds in which it lay below `base` by more than the margin; absent: no margin.
  std::optional<double> below;
  double held = 0;  ///< seconds in which a version was served that held what was to be erased
};
/// `margin`: a share. Absent where the curve is not known so far.
std::optional<Service> service_of(const ServedCurve& curve, double horizon, std::optional<double> margin);

/// No arm is looked at for longer than this, behind the request: by then all is settled, and what differs is
/// the noise of single versions.
inline constexpr std::size_t service_rounds = 50;
/// For how long all arms of a group and seed are looked at: until the first of their runs ends, at most
/// `service_rounds` rounds of `round_seconds` where that is known. `ends` must not be empty.
double service_horizon(const std::vector<double>& ends, std::optional<double> round_seconds);

}  // namespace afu::figures
