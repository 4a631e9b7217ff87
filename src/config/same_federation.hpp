#pragma once
/// Whether two scenarios speak of the same samples, clients and network: only then can their models be
/// compared.
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"

namespace afu::config {

/// The keys in which they differ, with both values: "data.classes is 4, not 3". Compared are the data, their
/// partition, the seed that both are drawn from, the network, and what the erasures ask to forget; not when,
/// nor model.init_seed or model.init: other initial weights make another run of the same federation.
std::vector<std::string> federation_differences(const Scenario& a, const Scenario& b);

}  // namespace afu::config
