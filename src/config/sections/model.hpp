#pragma once
/// [model].
#include <cstdint>
#include <string>

namespace afu::config {

struct ModelSection {
  std::string name = "cnn_small";  ///< see model::model_names
  std::int64_t hidden = 200;       ///< mlp
  std::string norm = "group";      ///< resnet18: group, batch
  std::string path;                ///< torchscript
  std::int64_t init_seed = 0;      ///< of the initial weights; 0: scenario.seed
};

}  // namespace afu::config
