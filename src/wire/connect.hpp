#pragma once
/// A node is reached, or cannot be.
#include <chrono>
#include <string>
#include <vector>

#include "base/address.hpp"

namespace afu::wire {

/// A connected TCP socket without delays (TCP_NODELAY), the caller's to close. Throws std::runtime_error with the system's reason
/// where none comes about within `patience`, for each of the host's addresses.
int connect_to(const base::Address& address, std::chrono::milliseconds patience);

/// Throws InputError that names two of them which lead to the same place: one node under two names would wait for itself. A host that is
/// not known leads nowhere here.
void refuse_same_place(const std::vector<base::Address>& addresses);

/// The system's reason why nobody can listen there at this moment; empty: it can be done.
std::string why_not_listening(const base::Address& address);

}  // namespace afu::wire
