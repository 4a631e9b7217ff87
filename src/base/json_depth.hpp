#pragma once
/// JSON that comes from outside. Copying, comparing, printing and freeing a value take stack by its depth, so
/// text that nests deeper than any file of the program's is no value.
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace afu::base {

inline constexpr std::size_t deepest_json = 100;

/// Line ends before the bracket that is one too deep; absent: none is. Brackets alone are counted, so that it
/// holds for broken text as well.
std::optional<std::size_t> too_deep(std::string_view text);

/// As nlohmann's parse without exceptions: discarded where `text` is broken or too deep.
nlohmann::ordered_json parse_or_discard(const std::string& text);

}  // namespace afu::base
