#pragma once
/// How deep a TOML text goes, before it is parsed: toml++ and the tree made of it are walked by recursion.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace afu::config {

/// Parts of a key, of its section, and of the arrays and inline tables around it, all together. No scenario
/// needs ten.
inline constexpr std::size_t deepest = 100;

struct TextPosition {
  std::uint32_t line = 1, column = 1;
};

/// Where `toml` first goes deeper than `most`. Text that is no TOML is scanned as far as it looks like it.
std::optional<TextPosition> deeper_than(std::string_view toml, std::size_t most = deepest);

}  // namespace afu::config
