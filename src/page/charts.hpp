#pragma once
/// A study's pictures, each with the table of what it shows. All are of one group of cells.
#include <vector>

#include "figures/analysis.hpp"
#include "page/document.hpp"

namespace afu::page {

/// Colour of an arm: the reference and the subject have the first two.
std::size_t colour_of(const figures::Study& study, std::size_t arm);

/// One strip a metric that was measured: every seed a dot, the mean and its interval; the reference's margin
/// shaded.
std::vector<Chart> strips(const figures::Analysis& a, std::size_t group);
/// The differences to the reference of the declared family: seeds, mean, the interval TOST looks at, the
/// margin.
std::vector<Chart> difference_strips(const figures::Analysis& a, std::size_t group);
/// Time to the first erased model against the mean distance to the reference over the metrics
/// (src/metrics/README.md, Distance to retraining), means and intervals over the seeds, and who is not beaten
/// in both.
Chart pareto(const figures::Analysis& a, std::size_t group);
/// One an arm: its attack success after the erasure, the mean over the seeds and its interval, and the
/// reference's.
std::vector<Chart> rebound_curves(const figures::Analysis& a, std::size_t group);
/// What users got after the request: the accuracy of the version being served, every arm's mean over the
/// seeds, and when what was to be erased was out of it.
Chart service_curves(const figures::Analysis& a, std::size_t group);
/// Of the time from each request to the first erased model.
Chart latency_distributions(const figures::Analysis& a, std::size_t group);
/// One run's metrics over its updates.
std::vector<Chart> metric_curves(const figures::Run& run);

/// Mean over test, forget and retain accuracy, attack success and membership AUC, as far as both have them,
/// of |metric - reference's|, in the same unit (a share).
std::optional<double> distance(const record::Figures& f, const record::Figures& reference);

}  // namespace afu::page
