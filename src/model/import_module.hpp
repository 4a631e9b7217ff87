#pragma once
/// A TorchScript archive as a module, made without running any of its code.
#include <torch/csrc/jit/api/module.h>

#include <string>

namespace afu::model {

/// What torch::jit::load gives, on the CPU, but with nothing run on the way (but that LibTorch's compiler
/// folds constant expressions of numbers and texts): the code is compiled and held to the operators of
/// `forbidden` (model/operators.hpp) before there is an object; objects are then filled with their
/// attributes' values as our own reader finds them. Refused, where LibTorch would run code: classes with a
/// __setstate__; attributes of other types than numbers, texts, tensors, lists, dicts, tuples, modules and
/// devices. Throws InputError, which names `path`.
torch::jit::Module import_module(const std::string& path);

}  // namespace afu::model
