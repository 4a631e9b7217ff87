#pragma once
/// [heterogeneity].
#include <cstdint>
#include <string>
#include <vector>

#include "config/choices.hpp"
#include "config/sections/distribution.hpp"

namespace afu::config {

struct ComputeOverride {
  std::int64_t client = 0;
  double slowdown = 1.0;
};

struct ComputeHeterogeneity {
  double seconds_per_sample = 0.002;  ///< on hardware with slowdown 1
  Distribution slowdown;              ///< one draw a client
  Distribution jitter;                ///< one draw a job
  double straggler_share = 0.0;       ///< part of the clients, rounded, that is slower by straggler_factor
  double straggler_factor = 10.0;     ///< on top of the slowdown drawn
  std::int64_t straggler_first = -1;  ///< this client is the first of them; -1: drawn like the others
  double server_slowdown = 0.1;  ///< of the server's own jobs: a server's GPU beside a hospital's workstation
  std::vector<ComputeOverride> overrides;
};

struct NetworkOverride {
  std::int64_t client = 0;
  double latency_seconds = -1, uplink_mbit = -1, downlink_mbit = -1;  ///< negative: as drawn
};

struct NetworkHeterogeneity {
  Distribution latency_seconds{"constant", {{"value", 0.02}}, ""};  ///< one draw a client, each direction
  Distribution uplink_mbit{"constant", {{"value", 0.0}}, ""};       ///< one draw a client; 0: unlimited
  Distribution downlink_mbit{"constant", {{"value", 0.0}}, ""};
  Distribution jitter{"constant", {{"value", 1.0}}, ""};  ///< factor on the latency, one draw a message
  double server_mbit = 0.0;  ///< shared bottleneck of the server's own link, each direction; 0: unlimited
  double loss_probability = 0.0;  ///< a message is lost and sent again after retransmit_seconds
  double retransmit_seconds = 1.0;
  std::vector<NetworkOverride> overrides;
};

struct AvailabilityHeterogeneity {
  AvailabilityModel model = AvailabilityModel::always;
  double mean_on_seconds = 60, mean_off_seconds = 20;  ///< markov
  double period_seconds = 240, on_fraction = 0.5;      ///< diurnal; phases spread evenly over the clients
  std::string path;                                    ///< trace: CSV client,on_seconds,off_seconds
  double dropout_probability = 0.0;                    ///< a job is lost in mid-round
  double dropout_restart_seconds = 1.0;                ///< until the client reports it
};

struct Heterogeneity {
  ComputeHeterogeneity compute;
  NetworkHeterogeneity network;
  AvailabilityHeterogeneity availability;
};

}  // namespace afu::config
