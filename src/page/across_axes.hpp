#pragma once
/// A study's figures against the values of its axes.
#include <optional>
#include <string>
#include <vector>

#include "figures/analysis.hpp"
#include "page/document.hpp"

namespace afu::page {

/// Axes with two values or more.
std::vector<std::size_t> varied_axes(const figures::Study& study);

/// What the varied axes but `without` are in a group: "factor = 3, first = 0".
std::string values_text(const figures::Study& study, std::size_t group,
                        std::optional<std::size_t> without = {});

/// The groups that differ in one axis alone, at each of its values; nothing where the study lacks one.
struct Lane {
  std::string name;  ///< values_text of the other axes; empty: there are none
  std::vector<std::optional<std::size_t>> groups;
};
std::vector<Lane> lanes_of(const figures::Study& study, std::size_t axis);

/// Where an axis' values stand, from 0 to 1.
struct AxisScale {
  bool numeric = false;  ///< else they are names, at equal distances
  /// Of values >= 0 whose positive ones span a decade or more; a 0 then stands a decade below the least.
  bool logarithmic = false;
  std::vector<double> at;
};
AxisScale scale_over(const figures::Axis& axis);

/// By seed the mean of `figure` over `groups`, of the seeds that have it in every one of them.
figures::Analysis::Values mean_over(const figures::Analysis& a, const std::vector<std::size_t>& groups,
                                    std::size_t arm, const figures::Analysis::Figure& figure);

/// One chart a figure that any arm has: time to erase, downtime, retained throughput and, of trained models,
/// test accuracy, attack success and membership AUC at the end. One panel a lane where there are at most six,
/// else the mean over the lanes.
std::vector<Chart> axis_charts(const figures::Analysis& a, std::size_t axis);
/// Arms x values of the axis: time to erase and downtime, means over all lanes with their intervals.
DataTable axis_table(const figures::Analysis& a, std::size_t axis);

}  // namespace afu::page
