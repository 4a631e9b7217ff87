#pragma once
/// What methods do that erase by one job, whose first output is merged as a difference. Concurrent: the federation goes
/// on meanwhile. Blocking: it is halted and drained first and resumed after the merge, so merging the difference is
/// replacing the model.
#include <functional>
#include <optional>

#include "methods/script.hpp"

namespace afu::methods {

/// `erase` makes the job from the current version.
Script erase_at_target(Request request, const Now& now,
                       std::function<Erase(const View&, const Request&)> erase);

/// Likewise; nothing: there is nothing to erase.
Script erase_at_server(Request request, const Now& now,
                       std::function<std::optional<Erase>(const View&, const Request&)> erase);

}  // namespace afu::methods
