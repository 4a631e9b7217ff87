#pragma once
/// Models of runs held against those of retrained ones.
#include <filesystem>
#include <string>
#include <vector>

#include "attack/compare.hpp"
#include "config/scenario_fwd.hpp"
#include "study/plan.hpp"

namespace afu::cli {

/// A run's folder, and which of its models: "model.pt", "snapshot_merged.pt", ...
struct KeptModel {
  std::string folder, file;
};

/// attack::compare on the sets of `federation`, a scenario of these runs; each run is named by its folder.
/// Throws UsageError for a model that is not there.
attack::Comparison distances_between(const config::Scenario& federation, const std::vector<KeptModel>& runs,
                                     const std::vector<KeptModel>& references);

/// Writes `folder`/distances.csv: every complete cell's models at the merge, 16 updates later and at the end,
/// against those at the end of the complete cells of the arms `study.distances` of the same seed and axes
/// (agreement, JS and dMIA; parameters.absolute, .squared and .relative, and the same of each layer, layer:NAME; means over
/// the references), and the references among themselves. Columns: cell (its folder; of the references' own distances that
/// of the first), point (merged, plus16, final, references), figure, value. Nothing for a study without `distances`.
/// Returns what was left out, and why: cells that have no model, or one of another network or federation, and groups of
/// which a reference is not complete or has none: means over fewer would be other figures.
std::vector<std::string> write_distances(const study::Plan& plan, const std::filesystem::path& folder);

}  // namespace afu::cli
