#pragma once
/// Runs that were stopped before their end, in their folders.
#include <filesystem>
#include <optional>
#include <string>

#include "config/scenario_fwd.hpp"
#include "lane/checkpoint_file.hpp"

namespace afu::cli {

struct Unfinished {
  lane::CheckpointContent held;
  double away_seconds = 0;  ///< since it wrote last
};

/// Whether `folder` holds a run that was killed, interrupted or failed and may go on.
bool was_stopped(const std::filesystem::path& folder);

/// The run in `folder` that was killed, interrupted or failed and can go on with `scenario`, which names its files by
/// absolute paths. None: the folder holds no such run. Reads and touches nothing. Throws record::RunFolderError that
/// says why where the folder holds one which cannot: another scenario (the keys), other data, another revision of this
/// program, a damaged checkpoint. More of [stop] than before, and what changes no result, is the same scenario.
std::optional<Unfinished> find_unfinished(const std::filesystem::path& folder,
                                          const config::Scenario& scenario);

/// "12 results are there; it was away for 2 min", for whoever started it.
std::string going_on(const Unfinished& run);

}  // namespace afu::cli
