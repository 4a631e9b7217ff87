#include "config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <utility>

namespace afu::config {

namespace {

std::string lower(std::string s) {
  for (auto& c : s) c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return s;
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string number_text(double v) {
  if (std::isnan(v)) return "nan";
  auto s = fmt::format("{}", v);
  return s.find_first_of(".en") == std::string::npos ? s + ".0" : s;
}

namespace {

/// The letter that begins at `at` and how many bytes it has; 0 bytes: none does.
std::pair<std::uint32_t, std::size_t> letter_at(const std::string& text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = byte(at);
  if (first < 0x80) return {first, 1};
  const std::size_t n = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + n > text.size()) return {0, 0};
  std::uint32_t letter = first & (0x7Fu >> n);
  for (std::size_t i = 1; i < n; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return {0, 0};
    letter = letter << 6 | (byte(at + i) & 0x3Fu);
  }
  const std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = letter >= 0xD800 && letter < 0xE000;
  if (letter < least[n] || letter > 0x10FFFF || surrogate) return {0, 0};
  return {letter, n};
}

bool is_harmless(std::uint32_t letter) {
  if (letter < 0x20 || (letter >= 0x7F && letter < 0xA0)) return false;
  const bool separator = letter == 0x2028 || letter == 0x2029;
  const bool direction = letter == 0x200E || letter == 0x200F || (letter >= 0x202A && letter <= 0x202E) ||
                         (letter >= 0x2066 && letter <= 0x2069);
  return !separator && !direction;
}

}  // namespace

std::string printable(const std::string& text, bool one_line) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto [letter, bytes] = letter_at(text, i);
    const bool layout = !one_line && (letter == '\n' || letter == '\t');
    if (bytes == 0)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
    else if (is_harmless(letter) || (layout && bytes == 1))
      out.append(text, i, bytes);
    else
      out += letter < 0x100 ? fmt::format("\\x{:02x}", letter) : fmt::format("\\u{:04x}", letter);
    i += bytes == 0 ? 1 : bytes;
  }
  return out;
}

std::size_t not_utf8_at(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto bytes = letter_at(text, i).second;
    if (bytes == 0) return i;
    i += bytes;
  }
  return std::string::npos;
}

bool is_folder_name(const std::string& name) {
  return !name.empty() && name[0] != '.' && name[0] != '-' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return (c < 0x80 && std::isalnum(c)) || c == '-' || c == '_' || c == '.';
         });
}

std::string no_folder_name(const std::string& name) {
  return quoted(name) +
         " is no folder's name, allowed are letters, digits, '-', '_' and '.', the first neither '-' nor '.'";
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04X}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string value_text(const Value& v) {
  if (auto* b = std::get_if<bool>(&v)) return *b ? "true" : "false";
  if (auto* i = std::get_if<std::int64_t>(&v)) return std::to_string(*i);
  if (auto* d = std::get_if<double>(&v)) return number_text(*d);
  return quoted(std::get<std::string>(v));
}

std::string range_text(const Option& o) {
  auto bound = [](double v) { return fmt::format("{}", v); };
  bool open_left = o.exclusive_min || std::isinf(o.min);
  return fmt::format("{}{}, {}{}", open_left ? "(" : "[", bound(o.min), bound(o.max),
                     std::isinf(o.max) ? ")" : "]");
}

std::string allowed_text(const Option& o) {
  if (std::holds_alternative<bool>(o.fallback)) return "true or false";
  bool bounded = std::isfinite(o.min) || std::isfinite(o.max);
  auto in_range = bounded ? " in " + range_text(o) : "";
  if (std::holds_alternative<std::int64_t>(o.fallback)) return "a whole number" + in_range;
  if (std::holds_alternative<double>(o.fallback)) return "a number" + in_range;
  return o.choices.empty() ? "a string" : quoted_list(o.choices);
}

std::string quoted_list(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& n : names) out += (out.empty() ? "" : ", ") + quoted(n);
  return out;
}

std::string nearest(const std::string& name, const std::vector<std::string>& candidates) {
  auto wanted = lower(name);
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  for (const auto& c : candidates) {
    const auto longer = std::max(c.size(), wanted.size()), shorter = std::min(c.size(), wanted.size());
    if (longer - shorter >= best_distance) continue;  // at least so far away
    auto d = distance(wanted, lower(c));
    if (d < best_distance) best = c, best_distance = d;
  }
  return best;
}

std::string meant_or_allowed(const std::string& name, const std::vector<std::string>& candidates) {
  const auto near = nearest(name, candidates);
  return near.empty() ? "allowed are " + quoted_list(candidates) : "did you mean " + quoted(near) + "?";
}

std::string meant_or_allowed_key(const std::string& name, const std::vector<std::string>& candidates) {
  const auto near = nearest(name, candidates);
  return near.empty() ? fmt::format("allowed are {}", fmt::join(candidates, ", "))
                      : "did you mean " + near + "?";
}

std::optional<std::pair<std::uint32_t, std::uint64_t>> job_named(const std::string& text) {
  std::pair<std::uint32_t, std::uint64_t> job;
  const char *begin = text.data(), *end = begin + text.size();
  const auto client = std::from_chars(begin, end, job.first);
  if (client.ec != std::errc() || client.ptr == end || *client.ptr != '/') return std::nullopt;
  const auto number = std::from_chars(client.ptr + 1, end, job.second);
  if (number.ec != std::errc() || number.ptr != end) return std::nullopt;
  return job;
}

}  // namespace afu::config
