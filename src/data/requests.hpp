#pragma once
/// What each erasure of a scenario asks to have forgotten.
#include <cstdint>
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"

namespace afu::data {

/// The training rows of each erasure, in the scenario's order. Scope "client": all of the client's. Scope
/// "samples": samples_asked of the client's, the poisoned copies first, since they are what must go, then
/// others at random. Where samples are named, by subject or file: those (data::name_requests), and of a sample
/// that is poisoned its copy. Of one client no part takes what a part before it took: a fraction takes the next
/// ones, and of named samples these are left out, which `notes` is told. Scope "class": all clients' rows of
/// that class (poisoned copies count by the label they carry). Ascending. Throws DataError, one line a request,
/// where one covers nothing, where a part comes to none or to all that is left of its client, or where requests
/// for parts together leave a client that goes on without a sample.
std::vector<IndicesPtr> requested_rows(const FederatedData& data, const config::Scenario& scenario,
                                       std::vector<std::string>* notes = nullptr);

/// How many of a client's `n` training samples a fraction is: rounded.
std::int64_t samples_asked(double fraction, std::int64_t n);

/// The same refusals where only the number of every client's samples is known (timing-only runs of generated
/// data): of fractions alone, since nobody's classes are known.
void check_requested_counts(const config::Scenario& scenario, std::int64_t samples_per_client);

/// `rows` without those in any of `forgotten`, each of which is in ascending order; `rows` itself where that
/// is all of them.
IndicesPtr rows_without(const IndicesPtr& rows, const std::vector<IndicesPtr>& forgotten);

/// Whether `rows`, ascending, have all poisoned copies: only then a backdoor that goes on was not left behind
/// by samples that stay. False without a backdoor.
bool covers_backdoor(const FederatedData& data, const Indices& rows);

}  // namespace afu::data
