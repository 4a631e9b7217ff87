#pragma once
/// Data sets and federations as text, for people.
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"

namespace afu::data {

/// Shape, checksum, and how many images of each class and how many subjects each split has.
std::string describe_source(const Source& source);

/// Who owns what: for each client (the first 100) its training samples by class as it will train on them, the
/// poisoned among them, its hold-out, its subjects and its calibration environment; then the splits' sizes.
std::string describe_federation(const FederatedData& data, const config::Scenario& scenario);

/// Where the division is less than one may think: patients at several clients, calibration environments that
/// are smaller than asked for. One sentence each.
std::vector<std::string> federation_notes(const FederatedData& data, const config::Scenario& scenario);

}  // namespace afu::data
