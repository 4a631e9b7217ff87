#pragma once
#include <stdexcept>

namespace afu {

/// What the user gave cannot be used: exit status 2. Everything else that is thrown is a failed run.
struct InputError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What `make` returns. For what is made of the user's values and files alone: whatever is wrong with it is
/// thrown as an InputError.
template <class Make>
auto from_input(Make make) {
  try {
    return make();
  } catch (const InputError&) {
    throw;
  } catch (const std::invalid_argument& e) {
    throw InputError(e.what());
  } catch (const std::runtime_error& e) {
    throw InputError(e.what());
  }
}

}  // namespace afu
