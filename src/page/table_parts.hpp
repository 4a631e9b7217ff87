#pragma once
/// What the tables of a study have in common.
#include <string>

#include "figures/analysis.hpp"
#include "page/document.hpp"

namespace afu::page {

/// A table of one group, without columns yet.
DataTable begin_table(const figures::Study& study, const std::string& id, std::string caption,
                      std::size_t group);
/// With "(sync)" where it is.
std::string arm_name(const figures::Study& study, std::size_t arm);
/// A mean with its interval, as one cell, over the seeds that have it; noted where that is not all of
/// `cells`. The text's values are `factor` times those given.
TableCell mean_cell(const figures::Analysis& a, const figures::Analysis::Values& values, std::size_t cells,
                    double factor, int digits, const std::string& unit = {});
/// Cells of an arm that completed.
std::size_t completed_of(const figures::Analysis& a, std::size_t group, std::size_t arm);

}  // namespace afu::page
