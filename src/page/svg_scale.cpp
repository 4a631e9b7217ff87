/// Axes: ranges and ticks.
#include "page/svg_scale.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace afu::page::svg {

namespace {

constexpr int most_decades = 12;       ///< of a logarithmic axis: what is less is drawn at its low end
constexpr std::size_t most_marks = 9;  ///< on it
constexpr double largest = 1e300, smallest = 1e-300;  ///< beyond these a step is no number

/// 1, 2 or 5 times a power of ten, so that about `wanted` steps make `range`.
double nice_step(double range, int wanted) {
  const double raw = range / wanted, power = std::pow(10.0, std::floor(std::log10(raw)));
  for (double m : {1.0, 2.0, 5.0})
    if (raw <= m * power * 1.0000001) return m * power;
  return 10 * power;
}

std::string label(double v, double step) {
  if (step < 1e-6 || step >= 1e7) return std::abs(v) < step / 2 ? "0" : fmt::format("{:.4g}", v);
  const int digits = std::clamp(static_cast<int>(-std::floor(std::log10(step) + 1e-9)), 0, 9);
  const auto text = fmt::format("{:.{}f}", v, digits);
  return text.find_first_of("123456789") == text.npos ? "0" : text;
}

/// 10^k
std::string power_label(int k) {
  return k >= 0 && k <= 6 ? fmt::format("{:.0f}", std::pow(10.0, k)) : fmt::format("{:g}", std::pow(10.0, k));
}

}  // namespace

Axis axis_over(std::string title, const std::vector<double>& values, bool from_zero) {
  Axis a;
  a.title = std::move(title);
  if (values.empty()) return a;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  a.low = std::clamp(from_zero ? std::min(0.0, *low) : *low, -largest, largest);
  a.high = std::clamp(from_zero ? std::max(0.0, *high) : *high, -largest, largest);
  // What rounding leaves between equal values is no range.
  const bool spread = a.high - a.low > std::max(smallest, 1e-9 * std::max(std::abs(a.high), std::abs(a.low)));
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
  if (least == 0 || most <= 30 * least || most < smallest) return axis_over(std::move(title), values, true);
  Axis a;
  a.title = std::move(title);
  a.logarithmic = true;
  // A decade of room on the left, where the zeros stand.
  const double top = std::log10(most), bottom = std::max(std::log10(least), top - most_decades);
  a.low = std::pow(10.0, std::max(std::floor(bottom) - 1, -300.0));
  a.high = std::min(most, largest) * 1.5;
  a.cut = least < a.low * 9.99;
  return a;
}

std::vector<Tick> ticks_of(const Axis& a, int wanted) {
  std::vector<Tick> out;
  if (!a.marks.empty()) {
    for (const auto& [at, text] : a.marks) out.push_back({at, text});
    return out;
  }
  if (a.logarithmic) {
    const int first = static_cast<int>(std::lround(std::log10(a.low))) + 1;
    const int last = static_cast<int>(std::floor(std::log10(a.high) + 1e-9));
    // Of what is less than the first decade, zeros and others, there is but this place.
    out.push_back({a.low, a.cut ? "< " + power_label(first) : "0"});
    const int step =
        std::max(1, (last - first + static_cast<int>(most_marks) - 1) / static_cast<int>(most_marks - 1));
    for (int k = first; k <= last; k += step) out.push_back({std::pow(10.0, k), power_label(k)});
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
  if (!(a.high > a.low)) return 0.5;
  const double share =
      a.logarithmic ? (std::log(std::max(v, a.low)) - std::log(a.low)) / (std::log(a.high) - std::log(a.low))
                    : (v - a.low) / (a.high - a.low);
  // Far outside it is outside all the same; a coordinate that is no number would lose the mark.
  return std::isfinite(share) ? std::clamp(share, -100.0, 100.0) : 0.5;
}

}  // namespace afu::page::svg
