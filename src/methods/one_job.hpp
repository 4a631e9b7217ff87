#pragma once
#include <functional>

#include "methods/script.hpp"

namespace afu::methods {

/// What a method does that erases by one job: `erase` makes it from the current version, and its first output is merged
/// as a difference. Concurrent: the federation goes on meanwhile. Blocking: everybody waits, so merging the difference is
/// replacing the model.
Script erase_at_target(Request request, const Now& now,
                       std::function<Erase(const View&, const Request&)> erase);

}  // namespace afu::methods
