#pragma once
/// A user's own module from PyTorch (torch.jit.script or torch.jit.trace, then save), trained in place.
#include <memory>

#include "model/model.hpp"

namespace afu::model {

/// Loads `section.path` without running its code (model/import_module.hpp), then tries it on batches of
/// `shape`: it is called with images scaled to (x / 255 - 0.5) / 0.5, that is [-1, 1]. Errors are InputErrors
/// that name the file. Not accepted: layers that draw from torch's global generator in training (dropout),
/// since lanes share it, and values kept from call to call (model/operators.hpp). Parameters with
/// requires_grad = false stay as they are and have no slot in the layout.
std::unique_ptr<Model> make_torchscript(const config::ModelSection& section, const InputShape& shape);

}  // namespace afu::model
