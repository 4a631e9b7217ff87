#pragma once
/// [model].
#include <cstdint>
#include <string>

#include "config/choices.hpp"

namespace afu::config {

struct ModelSection {
  Architecture name = Architecture::cnn_small;
  std::int64_t hidden = 200;  ///< mlp
  Norm norm = Norm::group;
  std::string path;            ///< torchscript
  std::string init;            ///< saved model to start from; empty: weights are drawn
  std::int64_t init_seed = 0;  ///< of the initial weights; 0: scenario.seed
};

}  // namespace afu::config
