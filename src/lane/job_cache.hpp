#pragma once
/// Results of jobs, kept for whoever asks for the same again. Runs that share a past (same seed, other
/// method) share its results: each replays the events, which costs microseconds, and computes nothing twice.
/// So a run that begins from another's past is that run, event for event and byte for byte.
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "job/job.hpp"

namespace afu::lane {

class JobCache {
 public:
  using Result = std::shared_ptr<const job::JobResult>;
  struct Counts {
    std::uint64_t computed = 0, found = 0, bytes = 0;
  };

  /// Keeps at most `budget` bytes of results; what comes after that is computed anew each time.
  explicit JobCache(std::uint64_t budget) : budget_(budget) {}

  /// What `compute` returned for that key before, else what it returns now. Who asks while another thread
  /// computes it waits for that. A result with an error is never kept.
  Result get(const std::string& key, const std::function<job::JobResult()>& compute);
  Counts counts() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<std::string, Result> results_;  ///< null: being computed
  std::uint64_t budget_;
  Counts counts_;
};

}  // namespace afu::lane
