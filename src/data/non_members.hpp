#pragma once
/// What members are compared with: samples of their kind that nobody was trained on.
#include <cstdint>

#include "data/dataset.hpp"

namespace afu::data {

/// Held-out rows by what they can be compared with. Both ascend.
struct HeldOut {
  Indices clean, poisoned;
};
/// `holdout` as it would be if the backdoor's client had poisoned what it holds out as well. It cannot poison samples of
/// the backdoor's own class: where all that it holds out are of it, `poisoned` is empty.
HeldOut held_out_kinds(const FederatedData& data, const Indices& holdout);
/// How many of `rows` are poisoned training samples.
std::int64_t count_poisoned(const FederatedData& data, const Indices& rows);

/// The held-out rows `holdout` of the owners of `forget`, with as large a share of poisoned ones as `forget`
/// has: else any model, a retrained one as well, would tell the two apart by their poison. Ascending, as
/// `holdout` is. Empty where `holdout` is, and where it has none of one of the kinds (held_out_kinds) that `forget` has.
IndicesPtr non_members(const FederatedData& data, const Indices& forget, const Indices& holdout,
                       std::uint64_t seed);

}  // namespace afu::data
