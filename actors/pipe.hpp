#pragma once
/// One TCP connection between a run and a node, as an actor of CAF's network layer: frames in, frames out. It shakes hands, keeps the peer's pulse and
/// its credit, and bounds what waits on either side; what frames mean is its owner's. CAF's own protocol of distributed actors (BASP) is not spoken: on
/// its port whoever connects reaches the system's actors before any token was asked for.
#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>
#include <caf/io/fwd.hpp>
#include <memory>
#include <string>

#include "actors/node_options.hpp"
#include "wire/flow.hpp"
#include "wire/handshake.hpp"

namespace afu::actors {

// To a pipe.
/// From somebody else, every Pulse::beat. A broker of CAF 0.17.6 that has a message to itself in CAF's clock is never freed.
using beat_atom = caf::atom_constant<caf::atom("beat")>;
struct Owned {  ///< whose frames are handed to: what came earlier is, too
  caf::actor owner;
};
struct Outgoing {
  std::shared_ptr<const wire::Frame> frame;  ///< null: a vector
  wire::Named vector;
};
struct Used {  ///< its owner is done with an Arrived
  wire::Kind kind;
  std::size_t bytes;
};
struct Refused {  ///< tell the peer why, and end
  std::string why;
};

// From a pipe.
struct Opened {  ///< to whoever spawned it: both ends know the token
  caf::actor pipe;
};
struct Arrived {
  std::shared_ptr<const wire::Frame> frame;
};

/// Takes the connection over. Ends with a reason in words (text_of); who monitors it learns it. `spawner` gets Opened.
caf::actor spawn_pipe(caf::actor_system& sys, int socket, wire::Role role, const wire::Token& token,
                      Pulse pulse, const caf::actor& spawner);
/// Likewise a connection that a listener has accepted.
caf::actor fork_pipe(caf::io::broker* listener, caf::io::connection_handle connection,
                     const wire::Token& token, Pulse pulse);

}  // namespace afu::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::Owned)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::Outgoing)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::Used)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::Refused)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::Opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::Arrived)
