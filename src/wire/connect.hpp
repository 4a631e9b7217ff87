#pragma once
/// A node is reached.
#include <chrono>

#include "base/address.hpp"

namespace afu::wire {

/// A connected TCP socket without delays (TCP_NODELAY), the caller's to close. Throws std::runtime_error with the system's reason
/// where none comes about within `patience`, for each of the host's addresses.
int connect_to(const base::Address& address, std::chrono::milliseconds patience);

}  // namespace afu::wire
