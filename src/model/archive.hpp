#pragma once
#include <torch/csrc/jit/api/module.h>

#include <memory>
#include <string>

#include "model/parameters.hpp"

namespace afu::model {

/// The parameters and buffers of a TorchScript archive, by their names, as a version of `layout` on the CPU.
/// No code of the archive is run, none is even read. Throws InputError naming `path` where it cannot be read,
/// where a tensor of the layout is missing or has another shape or type, and where it trains a parameter that
/// the layout does not have.
ParametersPtr read_parameters(const std::string& path, const std::shared_ptr<const Layout>& layout);

/// Writes `module` as a TorchScript archive. Throws std::runtime_error naming `path`.
void write_archive(const torch::jit::Module& module, const std::string& path);

}  // namespace afu::model
