#include "record/trace_writer.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/json_text.hpp"

namespace afu::record {

namespace {

void append_microseconds(fmt::memory_buffer& out, TraceTime t) {
  base::append(out, FMT_COMPILE("{}.{:03}"), t / 1000, t % 1000);
}

void append_track(fmt::memory_buffer& out, char phase, TraceTrack track) {
  base::append(out, FMT_COMPILE("{{\"ph\":\"{}\",\"pid\":{},\"tid\":{}"), phase, track.process, track.thread);
}

}  // namespace

TraceTime to_trace_time(double seconds) {
  if (!(seconds > 0)) return 0;
  return std::llround(std::min(seconds, last_trace_second) * 1e9);
}

TraceWriter::TraceWriter(std::filesystem::path path) : file_(std::move(path)) {
  base::append_text(file_.buffer(), "[");
}

fmt::memory_buffer& TraceWriter::begin_record() {
  base::append_text(file_.buffer(), std::exchange(first_, false) ? "\n" : ",\n");
  return file_.buffer();
}

void TraceWriter::end_record(std::string_view args) {
  auto& out = file_.buffer();
  if (!args.empty()) {
    base::append_text(out, ",\"args\":");
    base::append_text(out, args);
  }
  out.push_back('}');
  file_.drain();
}

void TraceWriter::name_process(std::uint32_t process, std::string_view name) {
  auto& out = begin_record();
  base::append(out, FMT_COMPILE("{{\"ph\":\"M\",\"pid\":{},\"name\":\"process_name\",\"args\":{{\"name\":"),
               process);
  base::append_string(out, name);
  base::append_text(out, "}");
  end_record({});
  base::append(
      begin_record(),
      FMT_COMPILE("{{\"ph\":\"M\",\"pid\":{},\"name\":\"process_sort_index\",\"args\":{{\"sort_index\":{}}}"),
      process, process);
  end_record({});
}

void TraceWriter::label_process(std::uint32_t process, std::string_view label) {
  auto& out = begin_record();
  base::append(out,
               FMT_COMPILE("{{\"ph\":\"M\",\"pid\":{},\"name\":\"process_labels\",\"args\":{{\"labels\":"),
               process);
  base::append_string(out, label);
  base::append_text(out, "}");
  end_record({});
}

void TraceWriter::name_thread(TraceTrack track, std::string_view name) {
  auto& out = begin_record();
  append_track(out, 'M', track);
  base::append_text(out, ",\"name\":\"thread_name\",\"args\":{\"name\":");
  base::append_string(out, name);
  base::append_text(out, "}");
  end_record({});
  append_track(begin_record(), 'M', track);
  base::append(out, FMT_COMPILE(",\"name\":\"thread_sort_index\",\"args\":{{\"sort_index\":{}}}"),
               track.thread);
  end_record({});
}

void TraceWriter::span(TraceTrack track, std::string_view name, TraceTime begin, TraceTime end,
                       std::string_view args) {
  auto& out = begin_record();
  append_track(out, 'X', track);
  base::append_text(out, ",\"name\":");
  base::append_string(out, name);
  base::append_text(out, ",\"ts\":");
  append_microseconds(out, begin);
  base::append_text(out, ",\"dur\":");
  append_microseconds(out, std::max<TraceTime>(end - begin, 0));
  end_record(args);
}

void TraceWriter::instant(TraceTrack track, std::string_view name, TraceTime at, std::string_view args) {
  auto& out = begin_record();
  append_track(out, 'i', track);
  base::append_text(out, ",\"s\":\"t\",\"name\":");
  base::append_string(out, name);
  base::append_text(out, ",\"ts\":");
  append_microseconds(out, at);
  end_record(args);
}

void TraceWriter::counter(std::uint32_t process, std::string_view name, TraceTime at, std::uint64_t value) {
  auto& out = begin_record();
  base::append(out, FMT_COMPILE("{{\"ph\":\"C\",\"pid\":{},\"name\":"), process);
  base::append_string(out, name);
  base::append_text(out, ",\"ts\":");
  append_microseconds(out, at);
  base::append(out, FMT_COMPILE(",\"args\":{{\"{}\":{}}}"), name, value);
  end_record({});
}

void TraceWriter::flow(TraceTrack track, char step, std::uint64_t id, TraceTime at) {
  auto& out = begin_record();
  append_track(out, step, track);
  base::append(out, FMT_COMPILE(",\"cat\":\"update\",\"name\":\"update\",\"id\":{},\"ts\":"), id);
  append_microseconds(out, at);
  end_record({});
}

void TraceWriter::finish() {
  if (!std::exchange(finished_, true)) base::append_text(file_.buffer(), "\n]\n");
  file_.close();
}

}  // namespace afu::record
