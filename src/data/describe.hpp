#pragma once
/// Data sets and federations as text, for people.
#include <string>

#include "config/scenario.hpp"
#include "data/dataset.hpp"

namespace afu::data {

/// Shape, checksum, and how many images of each class and how many subjects each split has.
std::string describe_source(const Source& source);

/// Who owns what: for each client (the first 100) its training samples by class as it will train on them, the
/// poisoned among them, its hold-out, its subjects and its calibration environment; then the splits' sizes.
std::string describe_federation(const FederatedData& data, const config::Scenario& scenario);

}  // namespace afu::data
