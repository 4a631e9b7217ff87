#pragma once
/// summary.json; record::Summary is its contract.
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/host.hpp"
#include "record/records.hpp"
#include "record/run_folder.hpp"

namespace afu::record {

/// Raised when a key changes its meaning or goes.
inline constexpr int summary_schema = 1;

/// Libraries and their versions, in the order in which they are to stand.
using Versions = std::vector<std::pair<std::string, std::string>>;

/// A figure that does not apply (or is not a finite number) is null, never 0. Keys stand in the contract's
/// order.
nlohmann::ordered_json to_json(const Summary& s, const Versions& versions = {},
                               const base::HostInfo& host = base::host_info());

/// Writes summary.json, replacing one that is there. Throws std::runtime_error.
void write_summary(const RunFolder& folder, const Summary& s, const Versions& versions);

}  // namespace afu::record
