#pragma once
/// What a module may call.
#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/api/module.h>

#include <string>

namespace afu::model {

/// Why the code in `unit` may not run at all: an operator outside the list of those that compute on tensors
/// and values (operators.cpp: nothing there reads or writes a file, opens a connection, starts a thread or
/// looks at memory that was never written), or a text that a terminal would obey. Empty where all of it may.
/// Runs nothing.
std::string forbidden(const torch::jit::CompilationUnit& unit);

/// Whether the text holds no control characters but tabs and line ends.
bool is_plain_text(const std::string& text);

/// Why the module's forward pass does not give the same results again: a layer that draws random numbers in
/// training (dropout, also between the layers of an LSTM or GRU), a value that it keeps from call to call:
/// every lane has a copy of the module. Empty where it does. A dropout of probability 0, or one that is
/// exported as switched off, is none. Looks into all that forward calls. Runs nothing.
std::string not_reproducible(const torch::jit::Module& module);

}  // namespace afu::model
