#pragma once
/// A line of the program's own CSV files: no cell of theirs holds a comma or a quote.
#include <charconv>
#include <string_view>
#include <system_error>
#include <vector>

namespace afu::figures {

/// Views into `line`; as many as it has commas, and one.
inline std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto comma = line.find(',');
    out.push_back(line.substr(0, comma));
    if (comma == line.npos) return out;
    line.remove_prefix(comma + 1);
  }
}

/// False where `text` is not a number as a whole.
template <class T>
bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace afu::figures
