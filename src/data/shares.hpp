#pragma once
/// Which rows of a source's training split each client of a scenario trains on, and which it holds out.
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"
#include "data/partition.hpp"

namespace afu::data {

struct Shares {
  std::vector<HoldOut> clients;           ///< rows of Source::train, ascending
  std::vector<std::string> client_names;  ///< one a client, where clients are sites; empty otherwise
};

/// By [partition] and the seed alone: what the erasures ask for changes nothing. Throws DataError where the data cannot be
/// divided like that.
Shares divide(const Source& source, const config::Scenario& scenario);

}  // namespace afu::data
