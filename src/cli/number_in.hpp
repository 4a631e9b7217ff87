#pragma once
/// Numbers of the command line.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <string>

namespace afu::cli {

/// As CLI::Range, which takes "nan" for a number in any range.
inline CLI::Validator number_in(double low, double high) {
  const auto allowed = fmt::format("FLOAT in [{} - {}]", low, high);
  return {[=](std::string& text) {
            double value = 0;
            const bool is = CLI::detail::lexical_cast(text, value) && value >= low && value <= high;
            return is ? std::string() : fmt::format("{} is no {}", text, allowed);
          },
          allowed};
}

}  // namespace afu::cli
