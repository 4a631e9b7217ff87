/// Axes: ranges and ticks.
#include "report/svg_scale.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace afu::report::svg {

namespace {

/// 1, 2 or 5 times a power of ten, so that about `wanted` steps make `range`.
double nice_step(double range, int wanted) {
  const double raw = range / wanted, power = std::pow(10.0, std::floor(std::log10(raw)));
  for (double m : {1.0, 2.0, 5.0})
    if (raw <= m * power * 1.0000001) return m * power;
  return 10 * power;
}

std::string label(double v, double step) {
  const int digits = std::clamp(static_cast<int>(-std::floor(std::log10(step) + 1e-9)), 0, 9);
  const auto text = fmt::format("{:.{}f}", v, digits);
  return text.find_first_of("123456789") == text.npos ? "0" : text;
}

}  // namespace

Axis axis_over(std::string title, const std::vector<double>& values, bool from_zero) {
  Axis a;
  a.title = std::move(title);
  if (values.empty()) return a;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  a.low = from_zero ? std::min(0.0, *low) : *low;
  a.high = from_zero ? std::max(0.0, *high) : *high;
  // What rounding leaves between equal values is no range.
  const bool spread = a.high - a.low > 1e-9 * std::max(std::abs(a.high), std::abs(a.low));
  const double room = spread ? 0.06 * (a.high - a.low) : std::max(0.5 * std::abs(a.low), 1e-3);
  if (!(from_zero && a.low == 0)) a.low -= room;
  if (!(from_zero && a.high == 0 && *high <= 0 && a.low < 0)) a.high += room;
  return a;
}

Axis axis_of_durations(std::string title, const std::vector<double>& values) {
  double least = 0, most = 0;
  for (double v : values) {
    if (v > 0) least = least == 0 ? v : std::min(least, v);
    most = std::max(most, v);
  }
  if (least == 0 || most / least <= 30) return axis_over(std::move(title), values, true);
  Axis a;
  a.title = std::move(title);
  a.logarithmic = true;
  // A decade of room on the left, where the zeros stand.
  a.low = std::pow(10.0, std::floor(std::log10(least)) - 1);
  a.high = most * 1.5;
  return a;
}

std::vector<Tick> ticks_of(const Axis& a, int wanted) {
  std::vector<Tick> out;
  if (!a.marks.empty()) {
    for (const auto& [at, text] : a.marks) out.push_back({at, text});
    return out;
  }
  if (a.logarithmic) {
    out.push_back({a.low, "0"});
    for (double v = a.low * 10; v <= a.high * 1.0000001; v *= 10)
      out.push_back({v, v >= 1 ? fmt::format("{:.0f}", v) : fmt::format("{:g}", v)});
    return out;
  }
  if (!(a.high > a.low)) return {{a.low, fmt::format("{:g}", a.low)}};
  const double step = nice_step(a.high - a.low, wanted);
  const double first = std::ceil(a.low / step - 1e-9);
  for (int i = 0; (first + i) * step <= a.high + 1e-9 * step && i <= 3 * wanted; ++i)
    out.push_back({(first + i) * step, label((first + i) * step, step)});
  return out;
}

double share_of(const Axis& a, double v) {
  if (a.logarithmic) return std::log(std::max(v, a.low) / a.low) / std::log(a.high / a.low);
  return a.high > a.low ? (v - a.low) / (a.high - a.low) : 0.5;
}

}  // namespace afu::report::svg
