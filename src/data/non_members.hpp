#pragma once
/// What members are compared with: samples of their kind that nobody was trained on.
#include <cstdint>

#include "data/dataset.hpp"

namespace afu::data {

/// The held-out rows `holdout` of the owners of `forget`, with as large a share of poisoned ones as `forget`
/// has: else any model, a retrained one as well, would tell the two apart by their poison. Ascending, as
/// `holdout` is.
IndicesPtr non_members(const FederatedData& data, const Indices& forget, const Indices& holdout,
                       std::uint64_t seed);

}  // namespace afu::data
