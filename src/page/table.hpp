#pragma once
/// The table a run ends with, for people; summary.json has the same figures for programs.
#include <string>

#include "record/records.hpp"

namespace afu::page {

/// Several lines of UTF-8: the run, its figures before the erasure and at the end, and one line an erasure.
/// Accuracies and rates are per cent, rebounds percentage points, times seconds on the run's clock; what does
/// not apply is "–".
std::string final_table(const record::Summary& s);

}  // namespace afu::page
