#pragma once
/// `afu node`: this machine's lanes for runs elsewhere, one run at a time. A run tells its scenario; the node loads the data by it, since data never
/// travel, opens lanes, and computes what it is given.
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "actors/node_options.hpp"
#include "base/address.hpp"

namespace afu::actors {

struct NodeService {
  base::Address listen;              ///< port 0: any that is free
  std::vector<std::string> devices;  ///< resolved names
  std::int64_t lanes = 0;            ///< a device; 0: as many as fit
  wire::Token token;
  Pulse pulse;
  std::function<void(const std::string&)> tell;  ///< a line of what happens; from several threads
  std::function<void(std::uint16_t port)> listening;
  const std::atomic<bool>* interrupt = nullptr;  ///< set: end in order
};

/// Until it is interrupted. Throws InputError for an address at which it cannot listen.
void serve(const NodeService& service);

}  // namespace afu::actors
