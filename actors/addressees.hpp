#pragma once
#include <vector>

#include "actors/protocol.hpp"

namespace afu::actors {

/// Whom a message goes to.
struct Addressees {
  DirectoryPtr directory;
  std::vector<client_actor> replacements;  ///< by client where its actor died; empty while none did

  const client_actor& client(NodeId node) const {
    const auto i = node - record::first_client_node;
    if (!replacements.empty() && replacements[i]) return replacements[i];
    return directory->clients[i];
  }
  void replace(NodeId node, client_actor replacement) {
    replacements.resize(directory->clients.size());
    replacements[node - record::first_client_node] = std::move(replacement);
  }
};

}  // namespace afu::actors
