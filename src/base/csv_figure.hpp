#pragma once
#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>

namespace afu::base {

/// A figure's cell in a CSV file: the shortest text that reads back as it; empty where there is none, or it
/// is not a finite number. (In JSON: null, see json_text.hpp.)
inline std::string csv_figure(const std::optional<double>& v) {
  return v && std::isfinite(*v) ? fmt::format("{}", *v) : std::string();
}

}  // namespace afu::base
