#pragma once
/// Who asks for what to be forgotten, and when: what [[erasure]] cannot ask of its scenario.
#include <cstdint>
#include <string>

#include "config/checks_calibration.hpp"

namespace afu::config {

void check_erasures(const Scenario& s, const Fail& fail);

/// A client that there is; -1 is none.
void check_client(const Scenario& s, const std::string& key, std::int64_t client, const Fail& fail);

}  // namespace afu::config
