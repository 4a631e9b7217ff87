#pragma once
/// Training: tasks out, updates in, rounds.
#include "federate/effects.hpp"
#include "federate/messages.hpp"
#include "federate/parts.hpp"

namespace afu::federate {

/// Each returns whether anything came of the message.
bool take(Parts& p, const Update& m, Effects& fx);
bool take(Parts& p, const Dropped& m, Effects& fx);

/// Hands out what Tasks::next says.
void hand_out(Parts& p, Effects& fx);
/// Work for the client that a method asks for.
void hand_out(const Parts& p, const CollectTask& work, std::uint32_t client, Effects& fx);

/// Merges the round, where all its tasks are over.
void end_round(Parts& p);
/// What the numbers of updates and rounds bring about: requests, and the end.
void reckon(Parts& p, Effects& fx);

}  // namespace afu::federate
