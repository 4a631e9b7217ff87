#pragma once
/// The simulated hardware and links of the clients.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/sections/distribution.hpp"
#include "config/sections/heterogeneity.hpp"
#include "sim/distribution.hpp"

namespace afu::sim {

/// What every client was dealt, drawn once from the streams (seed, quantity, client, 0), and the duration of
/// its jobs. Immutable. A quantity that is the same for all clients takes no memory per client; others take 8
/// bytes.
class Profiles {
 public:
  /// `h.network`'s overrides and draws are taken here too. Throws std::invalid_argument or std::runtime_error
  /// as Sampler does, with the key in front, for an override of a client that does not exist, and for a value
  /// drawn that overflows, or that is 0 where the quantity is a factor of durations.
  Profiles(const config::Heterogeneity& h, std::uint64_t seed, std::int64_t clients,
           const std::string& scenario_file = "");

  std::int64_t clients() const { return clients_; }
  double slowdown(std::int64_t client) const { return slowdown_[client]; }
  double latency_seconds(std::int64_t client) const { return latency_[client]; }
  double uplink_mbit(std::int64_t client) const { return uplink_[client]; }      ///< 0: unlimited
  double downlink_mbit(std::int64_t client) const { return downlink_[client]; }  ///< 0: unlimited

  /// sample_passes (samples x epochs) x seconds_per_sample x slowdown x jitter of the client's job of this
  /// number. Where jitter is a trace, job j takes its row j. Depends on nothing but the arguments: every
  /// method sees the same durations (src/sim/README.md, Durations).
  double job_seconds(std::int64_t client, std::uint64_t job_number, double sample_passes) const {
    double seconds = sample_passes * seconds_per_sample_ * slowdown_[client];
    return seconds * (constant_jitter_ ? *constant_jitter_ : jitter(client, job_number));
  }

  double server_job_seconds(double sample_passes) const {
    return sample_passes * seconds_per_sample_ * server_slowdown_;
  }

 private:
  /// One number a client, or one for all.
  class Column {
   public:
    double operator[](std::int64_t client) const {
      return values_.empty() ? same_ : values_[static_cast<std::size_t>(client)];
    }
    void fill(double v) { same_ = v; }
    void fill(std::vector<double> v) { values_ = std::move(v); }
    void set(std::int64_t client, double v, std::int64_t clients);

   private:
    double same_ = 0;
    std::vector<double> values_;
  };

  Column draw(const std::string& key, const char* name, const config::Distribution& d,
              const std::string& scenario_file, bool positive = false) const;
  double jitter(std::int64_t client, std::uint64_t job_number) const;
  void slow_down_stragglers(const config::ComputeHeterogeneity& c);
  void check_client(const char* key, std::int64_t client) const;

  std::uint64_t seed_;
  std::int64_t clients_;
  double seconds_per_sample_, server_slowdown_;
  Column slowdown_, latency_, uplink_, downlink_;
  Sampler jitter_;
  std::optional<double> constant_jitter_;
};

/// A Sampler whose errors start with the scenario's key. `positive`: 0 is no value, nor may it be all that is
/// drawn. Throws std::invalid_argument, InputError.
Sampler make_sampler(const std::string& key, const config::Distribution& d, const std::string& scenario_file,
                     bool positive = false);

}  // namespace afu::sim
