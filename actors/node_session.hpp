#pragma once
/// One run's stay at a node: its data, lanes that compute for it, and what it is told.
#include <caf/actor.hpp>
#include <caf/fwd.hpp>
#include <memory>

#include "actors/node.hpp"

namespace afu::actors {

struct Loaded;

/// Of the whole process; `loaded` is what the last session computed on.
struct Hosting {
  NodeService service;
  std::shared_ptr<Loaded> loaded{};
};
using HostingPtr = std::shared_ptr<Hosting>;

/// In a thread of its own. Takes the pipe over, and ends with the reason in words (text_of) once the connection is gone and nothing is computed
/// any more.
caf::actor spawn_session(caf::actor_system& sys, HostingPtr hosting, const caf::actor& pipe);

}  // namespace afu::actors
