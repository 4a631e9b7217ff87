#pragma once
/// A scenario, run into its folder: what `afu run` does once and `afu study` for every cell.
#include <optional>

#include "actors/launch.hpp"
#include "cli/resume.hpp"
#include "config/scenario_fwd.hpp"
#include "record/run_folder.hpp"

namespace afu::cli {

/// Claims the folder and writes scenario.toml once all input was found usable: until then nothing is touched.
/// Then runs, writes the model, the summary and last files.json; events, trace and metrics are written along.
/// `folder` was examined; `scenario` names its files by absolute paths. `unfinished`: what of the folder's
/// run goes on. One that was interrupted on its way to where it had been (RunResult::on_its_way) has written
/// nothing. `alone`: nothing else runs in this process, so its memory is the run's. Throws as
/// actors::run_scenario and RunFolder::claim do, std::runtime_error where the scenario or the summary cannot
/// be written. A run that failed, and one whose model cannot be written, returns with report.failure set, its
/// logs and its summary complete.
actors::RunResult execute(const config::Scenario& scenario, record::RunFolder& folder,
                          actors::RunOptions options, std::optional<Unfinished> unfinished = std::nullopt,
                          bool alone = true);

}  // namespace afu::cli
