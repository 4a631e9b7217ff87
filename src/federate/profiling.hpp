#pragma once
/// The round before there are clusters: all clients train once on the initial model, and by how long that
/// took and how their updates point they are assigned (methods::ClusterNeeds).
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "aggregate/rule.hpp"
#include "engine/combine_job.hpp"
#include "methods/method.hpp"

namespace afu::federate {

class Profiling {
 public:
  Profiling(const methods::ClusterNeeds& needs, std::size_t clients) : needs_(needs), profiles_(clients) {}

  /// A task is handed out to the client.
  void sent(std::uint32_t client, double now) { profiles_[client].sent = now; }
  /// It has answered: the update is held.
  void hold(aggregate::Arrival update, double now);
  /// Discards what is held of the client; returns how many updates that were.
  std::int64_t forget(std::uint32_t client);
  const std::vector<aggregate::Arrival>& held() const { return held_; }
  /// What is held, in order of arrival: it is to be merged.
  std::vector<aggregate::Arrival> take() { return std::exchange(held_, {}); }

  /// Whether enough of those who stay have answered. `stay`: by client.
  bool enough(const std::vector<bool>& stay) const;
  /// The mean of the held updates, to be compared with each of them.
  engine::CombineJob question() const;
  /// The cluster of each client that stays, in their order. `cosines`: the question's; empty in timing-only
  /// runs.
  std::vector<std::uint32_t> assign(const std::vector<bool>& stay, const std::vector<double>& cosines,
                                    std::uint64_t seed) const;

 private:
  struct Profile {
    double sent = 0, seconds = -1;  ///< negative: it has not answered
  };
  methods::ClusterNeeds needs_;
  std::vector<Profile> profiles_;
  std::vector<aggregate::Arrival> held_;
};

}  // namespace afu::federate
