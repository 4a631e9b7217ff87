#pragma once
/// What the judges of the claims share (verdicts.hpp).
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "figures/verdicts.hpp"

namespace afu::figures {

/// Cells of some arms that are not there to be judged.
struct Standing {
  std::size_t failed = 0, missing = 0;
  std::string text() const;  ///< " (1 cell failed, 2 cells not run yet)"; empty: all are there
};
Standing standing(const Analysis& a, std::size_t group, std::vector<std::size_t> arms);
/// A seed that failed or was not run yet may not be dropped: what is left cannot show that a claim holds.
Verdict with_standing(Verdict v, const Standing& s);

/// That it cannot be judged, and why: "a; b; c; 2 more".
Verdict unjudged(const std::vector<std::string>& why);
/// "cells/a/seed=1 has no ..." for each of `cells`.
void add_lacking(std::vector<std::string>& to, const std::vector<const Cell*>& cells,
                 const std::string& what);
/// Open where fewer than `fewest_pairs` seeds have what is compared.
std::optional<Verdict> too_few(std::size_t n, const std::string& of);
/// What holds does not where there is an obstacle: it is open.
Verdict requiring(Verdict v, const std::optional<std::string>& obstacle);
/// Of the completed cells of the arm and the reference, those whose curve of attack success is missing or broken off.
std::vector<std::string> without_curve(const Analysis& a, std::size_t group, std::size_t arm);
/// Figures of an arm's completed cells.
std::vector<const CellFigures*> study_cells(const Analysis& a, std::size_t group, std::size_t arm);

}  // namespace afu::figures
