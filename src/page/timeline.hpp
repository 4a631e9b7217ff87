#pragma once
/// Who computed, transferred, waited and stalled around an erasure: from a run's trace.json
/// (record/trace.hpp).
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "figures/run_data.hpp"
#include "page/document.hpp"

namespace afu::page {

/// A span of simulated time, seconds.
struct Span {
  std::string track, name;  ///< "client/3", "compute"
  double begin = 0, end = 0;
};

/// Spans of the process "simulated time" that touch [begin, end], in the order of the file; `tracks`: all
/// there are, in their order. The file is read as a stream, so that memory goes with the spans kept. Throws
/// ReportError.
struct Trace {
  std::vector<std::string> tracks;
  std::vector<Span> spans;
};
Trace read_trace(const std::filesystem::path& file, double begin = -std::numeric_limits<double>::infinity(),
                 double end = std::numeric_limits<double>::infinity());

/// From one mean round before the first request to five behind it (`round_seconds`; else a tenth of the run).
/// At most 24 tracks: the server's side and the first clients. Nothing when the run has no trace or no
/// erasure.
std::optional<Chart> timeline(const figures::Run& run, std::optional<double> round_seconds,
                              const std::string& id, const std::string& name);

}  // namespace afu::page
