#pragma once
#include "attack/answers.hpp"
#include "base/indices.hpp"
#include "engine/workspace.hpp"

namespace afu::attack {

/// The replica's answers to `rows`, as it is.
Answers answers_of(engine::Workspace& workspace, const base::IndicesPtr& rows, std::int64_t batch_size);

}  // namespace afu::attack
