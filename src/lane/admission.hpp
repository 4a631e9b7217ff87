#pragma once
/// How many lanes of a device compute at a time: all, until memory runs out. No torch in this header.
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>

#include "device/notes.hpp"
#include "job/job.hpp"

namespace afu::lane {

/// Shared by the lanes of one device.
class Admission {
 public:
  explicit Admission(int lanes) : limit_(lanes) {}

  /// Held by a lane while it computes; waits until there is room.
  class Pass {
   public:
    explicit Pass(Admission& admission);
    ~Pass();
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    Admission& admission_;
  };

  /// One lane fewer at a time from now on, but never none. Returns how many.
  int narrow();
  int limit() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int limit_, active_ = 0;
};

/// Runs a job through the admission. Where memory runs out, the admission is narrowed, `release` frees what the lane
/// can do without, and the job is tried once more when its turn comes; both are noted. The second result
/// stands.
job::JobResult run_through(Admission& admission, device::Notes& notes, const std::string& device,
                           const std::function<job::JobResult()>& run, const std::function<void()>& release);

}  // namespace afu::lane
