#pragma once
/// How far all workers of a study are, told by one that does none of the work.
#include <filesystem>

#include "study/plan.hpp"

namespace afu::cli {

/// A line whenever something has changed, and once a minute: cells that are complete and have failed, who is at work. Ends with the
/// study, or when asked to. Returns the exit status: 1 where cells failed. `patience` as WorkerOptions.
int watch_study(const study::Plan& plan, const std::filesystem::path& folder, double patience);

}  // namespace afu::cli
