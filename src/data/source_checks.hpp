#pragma once
/// What every reader asks of what it has read.
#include <string>

#include "data/dataset.hpp"

namespace afu::data {

/// Throws DataError where the training images are of fewer than two classes; `where` begins the message.
/// Classes of which train or test has no image are named in source.notes.
void check_classes(Source& source, const std::string& where);

}  // namespace afu::data
