#pragma once
/// How options are declared: one line each, with name, default, range, help and unit.
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/option.hpp"

namespace afu::config {

inline constexpr double unlimited = std::numeric_limits<double>::infinity();

struct Range {
  double min, max;
  bool exclusive_min;
};
constexpr Range from(double min, double max = unlimited) { return {min, max, false}; }
constexpr Range above(double min, double max = unlimited) { return {min, max, true}; }

/// A whole number where `fallback` is one (an int or an std::int64_t), else a real one.
template <class T>
Option number(std::string name, T fallback, Range range, std::string help, std::string unit = "") {
  Option o;
  o.name = std::move(name);
  if constexpr (std::is_integral_v<T>)
    o.fallback = static_cast<std::int64_t>(fallback);
  else
    o.fallback = static_cast<double>(fallback);
  o.help = std::move(help);
  o.unit = std::move(unit);
  o.min = range.min;
  o.max = range.max;
  o.exclusive_min = range.exclusive_min;
  return o;
}

inline Option flag(std::string name, bool fallback, std::string help) {
  Option o;
  o.name = std::move(name);
  o.fallback = fallback;
  o.help = std::move(help);
  o.min = 0;
  return o;
}

/// One of `choices`, the first of which is the default.
inline Option choice(std::string name, std::vector<std::string> choices, std::string help) {
  Option o;
  o.name = std::move(name);
  o.fallback = choices.front();
  o.help = std::move(help);
  o.min = 0;
  o.choices = std::move(choices);
  return o;
}

/// Which form of a method is run where its sources disagree, the first of which is the default: what other options are
/// where they are not given follows from it (Option::by_variant).
inline Option variant(std::vector<std::string> forms, std::string help) {
  return choice("variant", std::move(forms), std::move(help));
}

}  // namespace afu::config
