#pragma once
/// Erasures that name single samples, by their subjects or in a file of ids: who trains on them.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"

namespace afu::data {

/// The scenario in which each erasure that names samples (config::Erasure::named) has a client and the rows that this one
/// trains on. One without a client becomes one a client that trains on some of its samples, in the clients' order; those
/// behind it move up. `scenario` itself where no erasure names any. `notes`, a sentence each: which erasure became which
/// requests; samples that nobody trains on, or that others do, and that are left out for it.
///
/// Throws DataError, one line an erasure, where a subject or an id is unknown (with the nearest that there are), where
/// nobody, or not the client that asks, trains on any of the samples, and where a file of ids cannot be read.
std::shared_ptr<const config::Scenario> name_requests(const Source& source,
                                                      const std::shared_ptr<const config::Scenario>& scenario,
                                                      std::vector<std::string>& notes);

/// Whether two erasures of such a scenario are one that was asked of several clients: the same samples by name, at the same
/// time.
bool same_request(const config::Scenario& scenario, std::size_t one, std::size_t other);

}  // namespace afu::data
