#include "model/ghost.hpp"

#include <stdexcept>

#include "model/parameters.hpp"

namespace afu::model {

ParametersPtr ghost(std::int64_t bytes) {
  if (bytes == 0) return nullptr;
  constexpr std::int64_t size = sizeof(float);
  if (bytes < 0 || bytes % size != 0) throw std::invalid_argument("no vector has so many bytes");
  auto layout = std::make_shared<Layout>();
  layout->parameter_count = bytes / size;
  auto p = std::make_shared<ParameterVector>();
  p->layout = std::move(layout);
  return p;
}

bool is_ghost(const ParametersPtr& p) {
  return p && !p->values.defined() && p->layout && p->layout->parameter_count > 0;
}

ParametersPtr alias(const ParametersPtr& p) {
  return p ? std::make_shared<const ParameterVector>(*p) : nullptr;
}

}  // namespace afu::model
