#pragma once
/// Actors with a thread of their own, where the system may refuse to start one.
#include <caf/all.hpp>
#include <system_error>
#include <utility>

#include "base/threads.hpp"

namespace afu::actors {

/// As sys.spawn<caf::detached>. Throws base::ThreadError where no thread can be started. CAF then leaves its
/// counts of actors and threads one too high, and the system's end would wait for them for ever.
template <class... Ts>
auto spawn_detached(caf::actor_system& sys, Ts&&... xs) {
  try {
    return sys.spawn<caf::detached>(std::forward<Ts>(xs)...);
  } catch (const std::system_error& e) {
    sys.dec_detached_threads();
    sys.registry().dec_running();
    throw base::thread_error(e);
  }
}

/// The threads that CAF starts for a system with `workers`: those, one for timers, one that prints.
constexpr int threads_of_a_system(int workers) { return workers + 2; }

}  // namespace afu::actors
