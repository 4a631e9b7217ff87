#pragma once
#include <torch/csrc/jit/api/module.h>

#include <string>

namespace afu::model {

/// Writes `module` as a TorchScript archive. Throws std::runtime_error naming `path`.
void write_archive(const torch::jit::Module& module, const std::string& path);

}  // namespace afu::model
