#pragma once
/// What a verb says while it decodes images.
#include "data/image_store.hpp"

namespace afu::cli {

/// A line on standard error every five seconds: how many images of how many are decoded. Where it takes less, none.
data::LoadProgress loading_lines();

}  // namespace afu::cli
