#include "config/sections/model.hpp"
#include "model/networks.hpp"

namespace afu::model {

Layers mlp_layers(const config::ModelSection& section, const InputShape& shape) {
  return {flatten(), linear("fc1", section.hidden), relu(), linear("fc2", section.hidden),
          relu(),    linear("fc3", shape.classes)};
}

Layers logreg_layers(const config::ModelSection&, const InputShape& shape) {
  return {flatten(), linear("fc", shape.classes)};
}

}  // namespace afu::model
