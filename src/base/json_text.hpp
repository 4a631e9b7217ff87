#pragma once
/// JSON written by hand, for the files that take a record an event: no document is built.
#include <fmt/compile.h>
#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <string_view>

namespace afu::base {

template <class Format, class... Args>
void append(fmt::memory_buffer& out, const Format& format, const Args&... args) {
  fmt::format_to(std::back_inserter(out), format, args...);
}

inline void append_text(fmt::memory_buffer& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

/// The shortest text that reads back as `v`; JSON has no NaN or infinity: those are null.
inline void append_number(fmt::memory_buffer& out, double v) {
  if (std::isfinite(v))
    append(out, FMT_COMPILE("{}"), v);
  else
    append_text(out, "null");
}

/// `text` quoted and escaped. `text` is UTF-8.
inline void append_string(fmt::memory_buffer& out, std::string_view text) {
  out.push_back('"');
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      append(out, FMT_COMPILE("\\u{:04x}"), static_cast<unsigned>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

}  // namespace afu::base
