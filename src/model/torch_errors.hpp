#pragma once
#include <exception>
#include <string>

namespace afu::model {

/// What LibTorch complains about, in one line: without the traceback of a module's interpreter and the stack
/// of the program's own functions. For a compiler's error, with the place.
std::string plain_reason(const std::exception& e);

}  // namespace afu::model
