#pragma once
/// How each actor is spawned: one function an actor. The states stand in the .cpp files.
#include <caf/fwd.hpp>

#include "actors/context.hpp"
#include "actors/protocol.hpp"

namespace afu::actors {

/// An actor that may block has a thread of its own; the system's are for its tests.
enum class Thread { own, of_the_system };
recorder_actor spawn_recorder(caf::actor_system& sys, ContextPtr context, federation_actor federation,
                              Thread thread = Thread::own);
lane_actor spawn_lane(caf::actor_system& sys, ContextPtr context, std::uint32_t lane,
                      federation_actor federation);
dispatcher_actor spawn_dispatcher(caf::actor_system& sys, ContextPtr context, std::vector<lane_actor> lanes,
                                  recorder_actor recorder, federation_actor federation);
timeline_actor spawn_timeline(caf::actor_system& sys, ContextPtr context, recorder_actor recorder,
                              federation_actor federation);
/// `service`: the lane for merges; null in timing-only runs, as is the evaluator.
server_actor spawn_server(caf::actor_system& sys, ContextPtr context, timeline_actor timeline,
                          lane_actor service, evaluator_actor evaluator, recorder_actor recorder,
                          federation_actor federation);
unlearner_actor spawn_unlearner(caf::actor_system& sys, ContextPtr context, timeline_actor timeline,
                                dispatcher_actor dispatcher, federation_actor federation);
calibrator_actor spawn_calibrator(caf::actor_system& sys, ContextPtr context, timeline_actor timeline,
                                  dispatcher_actor dispatcher, federation_actor federation);
evaluator_actor spawn_evaluator(caf::actor_system& sys, ContextPtr context, dispatcher_actor dispatcher,
                                recorder_actor recorder, federation_actor federation);
/// What clients share; one object for all.
struct ClientWiring {
  ContextPtr context;
  timeline_actor timeline;
  dispatcher_actor dispatcher;
  federation_actor federation;
};
client_actor spawn_client(caf::actor_system& sys, const std::shared_ptr<const ClientWiring>& wiring,
                          std::uint32_t client);
/// `launcher` receives Progress, and one ReportPtr when everything has ended.
federation_actor spawn_federation(caf::actor_system& sys, ContextPtr context, caf::actor launcher);

/// Job numbers: whose (a node, or one of the evaluator's two), and the owner's own count.
inline constexpr std::uint64_t evaluator_owner = 0xffffffffu, attack_owner = 0xfffffffeu;
constexpr std::uint64_t job_id(std::uint64_t owner, std::uint64_t count) {
  return owner << 32 | (count & 0xffffffffu);
}

}  // namespace afu::actors
