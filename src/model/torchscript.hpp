#pragma once
/// A user's own module from PyTorch (torch.jit.script or torch.jit.trace, then save), trained in place.
#include <memory>

#include "model/model.hpp"

namespace afu::model {

/// Loads `section.path` and tries it on an input of `shape`. Errors name the file. Not accepted: operators
/// that draw from torch's global generator in training (dropout), since lanes share it and runs would not be
/// reproducible. Parameters with requires_grad = false stay as they are and have no slot in the layout.
std::unique_ptr<Model> make_torchscript(const config::ModelSection& section, const InputShape& shape);

}  // namespace afu::model
