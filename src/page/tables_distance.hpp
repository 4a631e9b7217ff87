#pragma once
/// How like a retrained model the erased ones are (src/attack/README.md, Distances between models).
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "figures/analysis.hpp"
#include "page/document.hpp"

namespace afu::page {

/// distances.csv of a study's folder (cli/distances.hpp writes it).
struct DistanceRow {
  std::string cell, point, figure;
  std::optional<double> value;  ///< absent: an empty field, or no finite number
};
/// Empty where there is no such file. Throws ReportError for a malformed one.
std::vector<DistanceRow> read_distances(const std::filesystem::path& folder);

/// A run's figures at a point: "merged" (the first version that contains the erasure, calibrated or not),
/// "plus16" (16 accepted updates later), "final" (CellFigures::late). Absent figures where the run has no
/// such point.
record::Figures figures_at(const figures::Run& run, const figures::CellFigures& figures,
                           const std::string& point);

/// All groups x arms x points: forget accuracy and attack success minus the references' means of the same
/// seed, and the distances on the forget set; last of a group the references among themselves: what is not
/// above them is as like a retrained model as another one. No rows without distances.csv.
DataTable distance_table(const figures::Analysis& a);
/// All groups x arms x layers: the distance of parameters at the end. No rows without distances.csv, or where it was written
/// by an afu that did not tell layers.
DataTable layer_distance_table(const figures::Analysis& a);

}  // namespace afu::page
