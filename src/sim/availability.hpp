#pragma once
/// When clients are on, and which jobs they lose.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "config/sections/heterogeneity.hpp"

namespace afu::sim {

inline constexpr double least_period_seconds = 1e-3, least_on_fraction = 1e-6;

/// A client is on during windows [begin, end). Infinity stands for "never", which is also what lies beyond
/// horizon_seconds.
///   always
///   markov   exponential on and off periods by turns, in their stationary state at time 0 and anew after
///            every 100,000 mean periods on and off; window n of a client depends on (seed, client, n) only
///   diurnal  on for on_fraction of every period, from k x period - phase on,
///            phase = client / clients x period
///   trace    the rows of a CSV file `client,on_seconds,off_seconds`; after a client's last row it is off
///            for ever. Every client needs a row; rows of one client must not overlap.
/// No question takes long, however late or large what is asked about.
class Availability {
 public:
  /// Throws std::invalid_argument for values out of range, std::runtime_error with file:line for a trace that
  /// cannot be used.
  Availability(const config::AvailabilityHeterogeneity& a, std::uint64_t seed, std::int64_t clients,
               const std::string& scenario_file = "");

  /// Earliest time >= t at which the client is on. Times asked of a client should not fall: markov starts
  /// over from 0 when they do, which gives the same answers more slowly.
  double next_on(std::int64_t client, double t);

  /// End of work that is begun at `start`, or when the client is next on, and that rests while it is off.
  /// Work that ends as the client goes off has ended. Work of more than 100,000 periods on takes the time
  /// that so much takes on average (its deviation is a few thousandths). 32 bytes a client are kept for
  /// markov; asking for `start` does not make later questions about times between `start` and the end slow.
  double finish(std::int64_t client, double start, double work_seconds);

  /// Where the client loses its job of this number: the fraction in (0, 1) of the job at which it is lost.
  std::optional<double> dropout(std::int64_t client, std::uint64_t job_number) const;

  bool always_on() const { return model_ == Model::always; }

 private:
  enum class Model { always, markov, diurnal, trace };
  /// The first window that ends after the time last asked for.
  struct Window {
    double begin = 0, end = 0;
    double previous_end = 0;
    std::int64_t number = -1;
  };

  Window find(std::int64_t client, double t);
  Window after(std::int64_t client, const Window& w) const;
  Window markov(std::int64_t client, std::int64_t number, double previous_end) const;
  Window diurnal(std::int64_t client, std::int64_t number) const;
  Window traced(std::int64_t client, std::int64_t number) const;
  void read_trace(const std::string& file);

  Model model_ = Model::always;
  std::uint64_t seed_;
  std::int64_t clients_;
  double mean_on_, mean_off_, period_, on_fraction_, dropout_probability_;
  double block_ = 0;                 ///< markov: seconds of a block of windows
  std::vector<Window> cursors_;      ///< markov: one a client
  std::vector<std::size_t> first_;   ///< trace: client's first row, and one past the last client's
  std::vector<double> begin_, end_;  ///< trace: sorted by client, then time
};

}  // namespace afu::sim
