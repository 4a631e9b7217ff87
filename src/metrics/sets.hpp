#pragma once
/// Which rows a run is measured on.
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"
#include "job/job.hpp"
#include "metrics/evaluate_job.hpp"
#include "record/records.hpp"

namespace afu::metrics {

/// The forget set is what all erasures of the scenario ask for (`forget`: data::requested_rows), and
/// `requests` has each one's own. Where classes are to be forgotten, test and retain rows are those of the
/// other classes, and the non-members are everybody's held-out samples of them; else those of the clients
/// that ask. Non-members are poisoned to the share of what they are held against (data::non_members), all of
/// them and each request's own alike: a membership AUC is of exchangeable pairs.
std::shared_ptr<const EvaluationSets> evaluation_sets(const data::FederatedData& data,
                                                      const config::Scenario& scenario,
                                                      const std::vector<data::IndicesPtr>& forget);

/// What evaluation.by_client asks for: each client's held-out samples, then each site's test images, without classes that are
/// to be forgotten; those of which nothing is left are left out. Held-out samples are the clean ones, the target's too.
std::vector<EvaluationGroup> evaluation_groups(const data::FederatedData& data,
                                               const config::Scenario& scenario);

/// Of `rows`, as the data label them; absent where there are none. Of images with any number of labels: the
/// majority's share and the entropy are means over the labels, so that they are still what a constant answer scores.
std::optional<record::SetLabels> set_labels(const data::FederatedData& data, const data::IndicesPtr& rows);

/// Rows of the clients that ask for nothing, without the classes that are to be forgotten: their `train` or
/// their `holdout`; at most `most`, evenly taken (0: all).
data::IndicesPtr retained_rows(const data::FederatedData& data, const config::Scenario& scenario,
                               data::IndicesPtr data::ClientShare::*part, std::int64_t most);

}  // namespace afu::metrics
