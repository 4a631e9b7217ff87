#pragma once
/// What a classifier that gives every sample the same answer scores. A model that does no better is useful to
/// nobody, and that another is like it is no finding.
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "figures/study_data.hpp"

namespace afu::figures {

/// Whether there is such a score: of test and retain accuracy the share of the set's largest class, of
/// balanced accuracy 1 / classes, of the test AUC 0.5, of the test loss the labels' entropy.
bool has_constant_score(const Metric& m);
/// Absent where there is none, and where the run does not tell what its sets hold.
std::optional<double> constant_score(const Metric& m, const record::Summary& run);

/// " (majority class 50.0 %)", or " (majority class 48.1 to 50.0 %)" where the runs differ: a metric that an
/// uneven set flatters is told with what a constant answer scores. Of others, and where no run tells: empty.
std::string majority_aside(const Metric& m, const std::vector<const record::Summary*>& runs);
/// The title with that behind it.
std::string title_beside_majority(const Metric& m, const std::vector<const record::Summary*>& runs);
/// " Test accuracy: the majority class alone is 50.0 %."; likewise.
std::string majority_sentence(const Metric& m, const std::vector<const record::Summary*>& runs);

/// The study's completed cells' runs, of a group or of all.
std::vector<const record::Summary*> runs_of(const Study& study, std::optional<std::size_t> group = {});

}  // namespace afu::figures
