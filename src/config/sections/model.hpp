#pragma once
/// [model].
#include <cstdint>
#include <string>

#include "config/choice.hpp"

namespace afu::config {

/// The networks (model/networks.hpp), and torchscript, a user's own.
AFU_CHOICE(Architecture, cnn, cnn_small, lenet, cnn_mnist, resnet18, mlp, logreg, torchscript)

struct ArchitectureTraits {
  bool imported = false;     ///< from a file, with its weights; its layers are not known
  bool batchable = true;     ///< several clients can train as one network (engine/batched_clients.hpp)
  bool convolutions = true;  ///< whose channels can be told apart
};
constexpr ArchitectureTraits traits(Architecture a) {
  ArchitectureTraits t;
  t.imported = a == Architecture::torchscript;
  t.batchable = !t.imported && a != Architecture::resnet18;
  t.convolutions = !t.imported && a != Architecture::mlp && a != Architecture::logreg;
  return t;
}

/// How a resnet18 normalises.
AFU_CHOICE(Norm, group, batch)

struct ModelSection {
  Architecture name = Architecture::cnn_small;
  std::int64_t hidden = 200;  ///< mlp
  Norm norm = Norm::group;
  std::string path;            ///< torchscript
  std::int64_t init_seed = 0;  ///< of the initial weights; 0: scenario.seed
};

}  // namespace afu::config
