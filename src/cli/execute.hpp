#pragma once
/// A scenario, run into its folder: what `afu run` does once and `afu study` for every cell.
#include "actors/launch.hpp"
#include "config/scenario.hpp"
#include "record/run_folder.hpp"

namespace afu::cli {

/// Writes scenario.toml, runs, writes the model, the summary and last files.json; events, trace and metrics
/// are written along. `scenario` names its files by absolute paths. `alone`: nothing else runs in this
/// process, so its memory is the run's. Throws as actors::run_scenario does, std::runtime_error where a file
/// cannot be written; a run that failed returns with report.failure set and its folder complete.
actors::RunResult execute(const config::Scenario& scenario, const record::RunFolder& folder,
                          actors::RunOptions options, bool alone = true);

}  // namespace afu::cli
