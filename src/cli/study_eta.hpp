#pragma once
/// How much longer a study will take, from the cells that have ended.
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace afu::cli {

/// Real seconds; low = high where all kinds of cells have been measured.
struct TimeRange {
  double low = 0, high = 0;
};

/// Cells of one kind take about as long as each other: same arm and axis values, and computing the past of
/// their group or finding it computed.
struct EtaCell {
  std::size_t kind = 0;
  double work = 1;     ///< expected, in any unit: sample gradients
  double seconds = 0;  ///< that it took, or has been running for
  double share = 0;    ///< of a running cell: how far it is, 0 to 1; 0: not known
};

/// A kind that has been measured takes its mean; one that has not, its work times a pace (seconds a unit of
/// work) between half of the least and twice the most that any kind has shown. Nothing is known before a cell
/// has ended. Cells are spread over `runners`, and nothing ends before the longest single cell.
std::optional<TimeRange> time_left(const std::vector<EtaCell>& ended, const std::vector<EtaCell>& running,
                                   const std::vector<EtaCell>& waiting, int runners);

/// "ETA 2:40", "ETA 2:10 to 4:00", "ETA unknown yet".
std::string eta_text(const std::optional<TimeRange>& left);

/// 75 -> "1:15", 3675 -> "1:01:15"
std::string clock_text(double seconds);

}  // namespace afu::cli
