#pragma once
#include <stdexcept>

namespace afu {

/// What the user gave cannot be used: exit status 2. Everything else that is thrown is a failed run.
struct InputError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace afu
