#pragma once
/// Whom requests wait for while the run goes on.
#include <string>

#include "federate/parts.hpp"

namespace afu::federate {

/// "erasure[0] waits for client/3, client/7", where few are left; "erasure[0] waits for 17 clients" before. Of the first request that
/// waits for clients, who are looked for among all: for work that all were halted for, for what they compute for the erasure, or for updates ("12 more updates, now of
/// client/3"). Empty: none does.
std::string waited_for(const Parts& p);

}  // namespace afu::federate
