/// How a study's groups lie along its axes.
#include "page/across_axes.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace afu::page {

namespace {

/// A TOML number.
std::optional<double> number_of(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
  if (!text.empty() && text[0] == '+') text.erase(0, 1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

std::vector<std::size_t> varied_axes(const figures::Study& study) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < study.axes.size(); ++i)
    if (study.axes[i].values.size() > 1) out.push_back(i);
  return out;
}

std::string values_text(const figures::Study& study, std::size_t group, std::optional<std::size_t> without) {
  std::string out;
  for (auto axis : varied_axes(study))
    if (axis != without)
      out += (out.empty() ? "" : ", ") + study.axis_name(axis) + " = " +
             figures::value_label(study.axes[axis].values[study.group_values.at(group)[axis]]);
  return out;
}

std::vector<Lane> lanes_of(const figures::Study& study, std::size_t axis) {
  std::vector<Lane> out;
  std::vector<std::vector<std::size_t>> others;  // of each lane, the values of all axes with this one's at 0
  for (std::size_t g = 0; g < study.groups.size(); ++g) {
    auto values = study.group_values.at(g);
    const auto at = values.at(axis);
    values[axis] = 0;
    const auto found = std::find(others.begin(), others.end(), values);
    const auto lane = static_cast<std::size_t>(found - others.begin());
    if (found == others.end()) {
      out.push_back({values_text(study, g, axis),
                     std::vector<std::optional<std::size_t>>(study.axes[axis].values.size())});
      others.push_back(std::move(values));
    }
    out[lane].groups[at] = g;
  }
  return out;
}

AxisScale scale_over(const figures::Axis& axis) {
  AxisScale s;
  std::vector<double> values;
  for (const auto& text : axis.values)
    if (const auto v = number_of(text)) values.push_back(*v);
  const auto n = axis.values.size();
  s.numeric = n > 0 && values.size() == n;
  if (!s.numeric) {
    values.resize(n);
    for (std::size_t i = 0; i < n; ++i) values[i] = static_cast<double>(i);
  }
  double least = 0;  // of the positive ones
  for (double v : values)
    if (v > 0) least = least == 0 ? v : std::min(least, v);
  const double most = n > 0 ? *std::max_element(values.begin(), values.end()) : 0;
  const bool negative = std::any_of(values.begin(), values.end(), [](double v) { return v < 0; });
  s.logarithmic = s.numeric && !negative && least > 0 && most >= 10 * least;
  if (s.logarithmic)
    for (double& v : values) v = std::log10(v > 0 ? v : least / 10);
  if (n == 0) return s;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double from = *low / 2, range = *high / 2 - from;  // halves: the whole may be no number
  for (double v : values) s.at.push_back(range > 0 ? (v / 2 - from) / range : 0.5);
  return s;
}

figures::Analysis::Values mean_over(const figures::Analysis& a, const std::vector<std::size_t>& groups,
                                    std::size_t arm, const figures::Analysis::Figure& figure) {
  std::map<std::uint64_t, std::vector<double>> all;
  for (auto group : groups)
    for (const auto& [seed, value] : a.values(group, arm, figure)) all[seed].push_back(value);
  figures::Analysis::Values out;
  for (const auto& [seed, values] : all)
    if (values.size() == groups.size()) out[seed] = figures::mean(values);
  return out;
}

}  // namespace afu::page
