#pragma once
/// The Chrome trace event format, as far as we use it: a JSON array of records, streamed to a file. Perfetto
/// and chrome://tracing read it in any order of the time stamps.
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/output_file.hpp"

namespace afu::record {

/// Nanoseconds, so that the end of a span and the begin of the next are the same number. The file says
/// microseconds, with three decimals.
using TraceTime = std::int64_t;
/// Of seconds below 0 (there are none) 0; of those beyond `last_trace_second` that one.
TraceTime to_trace_time(double seconds);
inline constexpr double last_trace_second = 9e9;  ///< 285 years: ten times as many would not fit

/// Process and thread of the format. Neither is ever 0: Perfetto takes that for an idle CPU.
struct TraceTrack {
  std::uint32_t process = 1, thread = 1;
};

/// `args` is a JSON object's text, or empty. Write errors throw std::runtime_error.
class TraceWriter {
 public:
  explicit TraceWriter(std::filesystem::path path);

  void name_process(std::uint32_t process, std::string_view name);
  /// What is shown beside the process's name.
  void label_process(std::uint32_t process, std::string_view label);
  void name_thread(TraceTrack track, std::string_view name);
  void span(TraceTrack track, std::string_view name, TraceTime begin, TraceTime end,
            std::string_view args = {});
  void instant(TraceTrack track, std::string_view name, TraceTime at, std::string_view args = {});
  void counter(std::uint32_t process, std::string_view name, TraceTime at, std::uint64_t value);
  /// `step`: 's' start, 't' step: both bind to the span they fall into, to be written after it; 'f' finish:
  /// binds to the next record of its track, to be written before it.
  void flow(TraceTrack track, char step, std::uint64_t id, TraceTime at);
  /// What was written so far reaches the file.
  void flush() { file_.flush(); }
  /// Ends the array and closes the file. Idempotent.
  void finish();

 private:
  fmt::memory_buffer& begin_record();
  void end_record(std::string_view args);

  base::OutputFile file_;
  bool first_ = true, finished_ = false;
};

}  // namespace afu::record
