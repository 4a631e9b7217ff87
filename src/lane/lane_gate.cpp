#include "lane/lane_gate.hpp"

#include <fmt/format.h>

namespace afu::lane {

LaneGate::Pass::Pass(LaneGate& gate) : gate_(gate) {
  std::unique_lock<std::mutex> lock(gate_.mutex_);
  gate_.changed_.wait(lock, [&] { return gate_.active_ < gate_.limit_; });
  ++gate_.active_;
}

LaneGate::Pass::~Pass() {
  const std::lock_guard<std::mutex> lock(gate_.mutex_);
  --gate_.active_;
  gate_.changed_.notify_all();
}

int LaneGate::narrow() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (limit_ > 1) --limit_;
  return limit_;
}

int LaneGate::limit() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return limit_;
}

job::JobResult run_through(LaneGate& gate, device::Notes& notes, const std::string& device,
                           const std::function<job::JobResult()>& run, const std::function<void()>& release) {
  const auto attempt = [&] {
    const LaneGate::Pass pass(gate);
    return run();
  };
  auto result = attempt();
  if (!result.out_of_memory) return result;
  const int lanes = gate.narrow();
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
