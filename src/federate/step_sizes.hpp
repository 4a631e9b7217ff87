#pragma once
/// Where every client stands in the learning rate's schedule (train/learning_rate.hpp).
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "config/scenario_fwd.hpp"

namespace afu::federate {

/// How far the run has come, in what a schedule may count beside clients' jobs.
struct Course {
  std::uint64_t version = 0;              ///< the published one's number
  std::uint64_t updates = 0, rounds = 0;  ///< accepted, over; both as the server counts them
};

class StepSizes {
 public:
  /// `scenario` outlives this.
  StepSizes(const config::Scenario& scenario, std::size_t clients);

  /// What training.lr is multiplied with in the task that the client is handed now; it counts.
  double hand_out(std::uint32_t client, const Course& now);
  /// What it was in a task that the client was, or would have been, handed with that version.
  double of_version(std::uint32_t client, std::uint64_t version) const;
  /// The training begins anew.
  void begin_again(const Course& now);
  /// The training goes on from what an earlier version was: tasks from it and from later ones did not take place.
  void go_back(std::uint64_t version, const Course& now);

 private:
  std::int64_t server_count(const Course& now) const;
  std::uint64_t count_at(std::uint64_t version) const;

  const config::Scenario& scenario_;
  bool has_schedule_, by_jobs_;
  std::vector<std::vector<std::uint64_t>>
      jobs_;  ///< by client: versions of its tasks, in order; by jobs alone
  std::vector<std::pair<std::uint64_t, std::uint64_t>> counts_;  ///< versions handed out, with the count then
  std::int64_t origin_ = 0;                                      ///< of the count
};

}  // namespace afu::federate
