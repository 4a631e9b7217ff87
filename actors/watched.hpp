#pragma once
#include <caf/all.hpp>
#include <initializer_list>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/protocol.hpp"

namespace afu::actors {

/// Who is alive, as far as the federation has heard.
struct Watched {
  std::unordered_map<caf::actor_addr, NodeId> clients;
  std::vector<caf::actor_addr> current;           ///< the actor that is now a client's, by client
  std::unordered_map<NodeId, int> deaths;         ///< of clients
  std::unordered_map<NodeId, std::string> again;  ///< clients that are to die of what they died of before
  std::unordered_map<caf::actor_addr, std::string> others;

  template <class Self, class Handle>
  void add(Self self, const Handle& handle, std::string name) {
    others.emplace(handle.address(), std::move(name));
    self->monitor(handle);
  }
  template <class Self>
  void add_client(Self self, const client_actor& handle, std::uint32_t number) {
    clients.emplace(handle.address(), record::first_client_node + number);
    current.at(number) = handle.address();
    self->monitor(handle);
  }
  bool any_of(std::initializer_list<const char*> names, bool lanes = false) const {
    for (const auto& [address, name] : others) {
      for (const auto* n : names)
        if (name == n) return true;
      if (lanes && name.rfind("lane ", 0) == 0) return true;
    }
    return false;
  }
};

}  // namespace afu::actors
