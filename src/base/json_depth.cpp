#include "base/json_depth.hpp"

#include <nlohmann/json.hpp>

namespace afu::base {

std::optional<std::size_t> too_deep(std::string_view text) {
  std::size_t depth = 0, lines = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') ++lines;
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > deepest_json) return lines;
    } else if (c == ']' || c == '}') {
      depth -= depth > 0;
    }
  }
  return std::nullopt;
}

nlohmann::ordered_json parse_or_discard(const std::string& text) {
  using Json = nlohmann::ordered_json;
  return too_deep(text) ? Json(Json::value_t::discarded) : Json::parse(text, nullptr, false);
}

}  // namespace afu::base
