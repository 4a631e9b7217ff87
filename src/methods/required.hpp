#pragma once
/// What jobs cannot do without.
#include <stdexcept>
#include <string>

#include "job/job.hpp"

namespace afu::methods {

/// `vector`. Throws std::invalid_argument, naming `what`, where it is null.
inline const model::ParametersPtr& required(const model::ParametersPtr& vector, const char* what) {
  if (!vector) throw std::invalid_argument(std::string(what) + " is missing");
  return vector;
}

/// `rows`. Throws std::invalid_argument where they are null or none.
inline const base::IndicesPtr& samples_to_forget(const base::IndicesPtr& rows) {
  if (!rows || rows->empty()) throw std::invalid_argument("there are no samples to forget");
  return rows;
}

}  // namespace afu::methods
