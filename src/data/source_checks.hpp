#pragma once
/// What every reader asks of what it has read.
#include <string>

#include "data/dataset.hpp"

namespace afu::data {

/// Throws DataError where the training images are of fewer than two classes; `where` begins the message.
/// Classes of which train, val or test has no image are named in source.notes; of val where there is one.
void check_classes(Source& source, const std::string& where);

/// Notes labels that begin at 1 or have holes; subjects of val that stand in train or test too (those of both of these a run
/// tells anyway); and how many images of one split have the same pixels as one of another.
void check_splits(Source& source);

}  // namespace afu::data
