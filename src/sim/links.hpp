#pragma once
/// Links between the clients and the server: latency, bandwidth, the server's shared link, loss.
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "config/sections/heterogeneity.hpp"
#include "sim/profile.hpp"

namespace afu::sim {

/// One direction of a link that transfers share. An announced end never changes: a later call gets the time
/// that earlier calls left free, interrupted where they need the link. The link is never idle while a
/// transfer waits; among transfers that reach it in the order of the calls this is first come, first served.
class SharedLink {
 public:
  /// Takes `seconds` of the link's time from `ready` on; gives the end. Nothing may be asked for before
  /// `now`, which never falls from call to call.
  double take(double now, double ready, double seconds);
  std::size_t intervals() const { return busy_.size(); }

 private:
  std::map<double, double> busy_;  ///< begin -> end; disjoint, adjacent ones joined
};

/// When messages arrive. Of a message of `bytes`:
///   uplink:   client's link (bytes / uplink), latency, server's link (bytes / server_mbit, shared)
///   downlink: server's link, client's link (bytes / downlink), latency
/// one after the other (store and forward). A client's own link is not shared between its messages. Latency
/// is the client's latency x jitter, one draw a message; with a trace, message m takes row m. Messages are
/// lost on the client's link, with loss_probability each time, and sent again retransmit_seconds after their
/// last byte has left; an attempt of a download has used the server's link, one of an upload has not. A
/// message of 0 bytes takes no bandwidth, but may be lost like any other. 1 Mbit = 1e6 bits.
class Links {
 public:
  /// Keeps a reference to `profiles`. Throws std::invalid_argument for values out of range, and as Sampler
  /// does.
  Links(const Profiles& profiles, const config::NetworkHeterogeneity& n, std::uint64_t seed,
        const std::string& scenario_file = "");

  struct Arrival {
    double time = 0;
    int retransmissions = 0;
  };

  /// `now` never falls from call to call. `message_number` tells a client's messages of one direction apart;
  /// loss and jitter depend on (seed, direction, client, message_number) only.
  Arrival send(double now, bool uplink, std::int64_t client, std::uint64_t bytes,
               std::uint64_t message_number);

  struct Totals {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;  ///< put on a link, retransmissions included
    std::uint64_t retransmissions = 0;
  };
  const Totals& totals() const { return totals_; }

 private:
  int losses(bool uplink, std::int64_t client, std::uint64_t message_number) const;
  double latency(bool uplink, std::int64_t client, std::uint64_t message_number) const;

  const Profiles& profiles_;
  std::uint64_t seed_;
  Sampler jitter_;
  std::optional<double> constant_jitter_;
  double server_mbit_, loss_probability_, retransmit_seconds_;
  SharedLink server_[2];  ///< downlink, uplink
  Totals totals_;
};

}  // namespace afu::sim
