#include "federate/gates.hpp"

#include <utility>

#include "federate/questions.hpp"

namespace afu::federate {

void Gates::open(std::uint32_t request, methods::GateUpdates gate) {
  gates_[request] = std::move(gate);
  figures_.try_emplace(request);
}

std::vector<CalibrateTask> Gates::look(const aggregate::MergePlan& plan, const ParametersPtr& before,
                                       const Progress& after) {
  std::vector<CalibrateTask> tasks;
  for (const auto& [request, gate] : gates_) {
    CalibrateTask task{request, after.version, gate.passes, nullptr, true};
    if (!after.timing())
      task.job = std::make_shared<const job::Job>(gate_question(gate, before, after.model));
    tasks.push_back(std::move(task));
  }
  if (!tasks.empty()) probes_.emplace(after.version, Probe{plan, 1, tasks.size()});
  return tasks;
}

std::optional<aggregate::MergePlan> Gates::answered(const CalibrateResult& m, const Roster& roster) {
  const auto i = probes_.find(m.base_version);
  if (i == probes_.end()) return std::nullopt;
  auto& probe = i->second;
  aggregate::MergePlan back;
  back.correction = true;
  if (m.result) {
    const double scale = m.result->figures.at("scale");
    auto& g = figures_.at(m.request);
    ++g.probed;
    g.scaled += scale < 1;
    g.scale_sum += scale;
    g.samples += m.result->samples;
    if (scale < probe.kept) {
      for (auto part : probe.plan.parts) {
        if (roster[part.arrival.client].excluded()) continue;
        part.coefficient *= scale - probe.kept;
        back.parts.push_back(std::move(part));
      }
      probe.kept = scale;
    }
  }
  if (--probe.awaited == 0) probes_.erase(i);
  return back.parts.empty() ? std::nullopt : std::optional{std::move(back)};
}

std::optional<record::GateFigures> Gates::figures(std::uint32_t request) const {
  const auto i = figures_.find(request);
  return i == figures_.end() ? std::nullopt : std::optional{i->second};
}

}  // namespace afu::federate
