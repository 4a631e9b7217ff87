#pragma once
/// The held-out images of the server's calibration: one environment a client, drawn from the validation
/// split or from what the clients hold out.
#include <cstdint>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"

namespace afu::data {

/// One environment for each client: `samples` different rows of `val`, in the class mix of the client's own
/// training data (`class_counts[client][class]`), so that environments differ as clients do. Rows are not
/// shared between environments until those of a class run out; then they are used again. Where `val` has too
/// few rows of the client's classes its environment is smaller. Ascending. Throws DataError where `val` is
/// empty or lacks all classes of a client.
std::vector<Indices> calibration_environments(const std::vector<std::vector<std::int64_t>>& class_counts,
                                              const Indices& val, const std::vector<std::int64_t>& labels,
                                              std::int64_t samples, std::uint64_t seed);

struct Contribution {
  Indices rows, kept;  ///< what a client gives, and what it goes on holding out; ascending
};
/// What every client gives of the rows it holds out: calibration.samples_per_environment at random, of
/// classes that no request wants forgotten; with `by_subject` of whole subjects, of which no image is then
/// held out any longer. Whoever asks for an erasure at any time gives nothing: its images would have to be
/// withdrawn, and what was calibrated on them would stay in the model. Throws DataError, naming the clients,
/// where somebody has too few.
std::vector<Contribution> contributed_environments(const std::vector<IndicesPtr>& holdouts,
                                                   const Images& images, const config::Scenario& scenario,
                                                   bool by_subject);

/// `total` samples dealt out to environments of these sizes in proportion to them (data::apportion), but
/// `least` at least to each; none gets more than it has.
std::vector<std::int64_t> environment_shares(const std::vector<std::int64_t>& sizes, std::int64_t total,
                                             std::int64_t least);

/// Of each environment its share of `most` samples, at random, the same for the same seed; ascending.
std::vector<IndicesPtr> thinned(const std::vector<IndicesPtr>& environments, std::int64_t most,
                                std::int64_t least, std::uint64_t seed);

/// At most `most` different rows, from all environments in turn; ascending.
IndicesPtr spread_rows(const std::vector<IndicesPtr>& environments, std::size_t most);

/// Throws std::logic_error where a calibration row is a test row, or any client's training or held-out row;
/// with `by_subject` also where a calibration image is of a subject of theirs.
void assert_calibration_disjoint(const FederatedData& data, bool by_subject);

}  // namespace afu::data
