#pragma once
/// Functions of libraries that may or may not be loaded.
#include <dlfcn.h>

namespace afu::device {

/// A C function that some library of this process exports; null where none does.
template <class Function>
Function loaded_symbol(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

}  // namespace afu::device
