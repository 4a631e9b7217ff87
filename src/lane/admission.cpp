#include "lane/admission.hpp"

#include <fmt/format.h>

namespace afu::lane {

Admission::Pass::Pass(Admission& admission) : admission_(admission) {
  std::unique_lock<std::mutex> lock(admission_.mutex_);
  admission_.changed_.wait(lock, [&] { return admission_.active_ < admission_.limit_; });
  ++admission_.active_;
}

Admission::Pass::~Pass() {
  const std::lock_guard<std::mutex> lock(admission_.mutex_);
  --admission_.active_;
  admission_.changed_.notify_all();
}

int Admission::narrow() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (limit_ > 1) --limit_;
  return limit_;
}

int Admission::limit() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return limit_;
}

job::JobResult run_through(Admission& admission, device::Notes& notes, const std::string& device,
                           const std::function<job::JobResult()>& run, const std::function<void()>& release) {
  const auto attempt = [&] {
    const Admission::Pass pass(admission);
    return run();
  };
  auto result = attempt();
  if (!result.out_of_memory) return result;
  const int lanes = admission.narrow();
  notes.add(fmt::format("{}: memory ran out; the job is tried once more with at most {} {} at a time ({})",
                        device, lanes, lanes == 1 ? "lane" : "lanes", result.error));
  release();
  result = attempt();
  if (result.out_of_memory)
    notes.add(
        fmt::format("{}: memory ran out again: fewer compute.lanes or a smaller batch need less", device));
  return result;
}

}  // namespace afu::lane
