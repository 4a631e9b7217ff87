#pragma once
/// Systems of actors that speak over the network.
#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <stdexcept>

namespace afu::actors {

/// One worker: what blocks or computes has a thread of its own.
class NetworkConfig : public caf::actor_system_config {
 public:
  NetworkConfig() {
    load<caf::io::middleman>();
    set("scheduler.max-threads", std::size_t{1});
    set("scheduler.policy", caf::atom("sharing"));
    if (caf::get_or(*this, "scheduler.max-threads", std::size_t{0}) != 1)
      throw std::logic_error("CAF did not take scheduler.max-threads");
  }
};

/// Threads that CAF starts for it: those of a system, and the network's.
constexpr int threads_of_a_network = 4;

}  // namespace afu::actors
