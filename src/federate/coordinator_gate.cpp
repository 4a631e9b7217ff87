/// The gate (src/calibrate/README.md, Gate): the calibrator looks at each merge of updates after an erasure;
/// what makes the invariance's penalty rise is taken back in part. Nobody waits for its answers.
#include <algorithm>
#include <utility>

#include "federate/coordinator.hpp"

namespace afu::federate {

void Coordinator::perform(Active& a, methods::GateUpdates& s, Effects&) {
  a.gate = std::move(s);
  if (!a.record.gate) a.record.gate.emplace();
}

/// Has every gate look at a merge that has just made the current version of `before`.
void Coordinator::probe(const Merge& merge, const ParametersPtr& before, Effects& fx) {
  Probe probe;
  for (auto& a : requests_) {
    if (!a.gate) continue;
    ++probe.asked;
    a.record.server_passes += a.gate->passes;
    CalibrateTask task{a.request.index, version_, a.gate->passes, nullptr, true};
    if (!timing()) {
      auto job = a.gate->job;
      job.before = before;
      job.after = model_;
      task.job = std::make_shared<const job::Job>(std::move(job));
    }
    fx.posts.push_back({record::server_node, record::calibrator_node, 0, -1, false, 0, std::move(task)});
  }
  if (probe.asked == 0) return;
  probe.plan = *merge.plan;
  probes_.emplace(version_, std::move(probe));
}

/// Several gates: what stays of a merge is what the strictest lets stay. A contribution of a client that has
/// asked since is its erasure's to take out, as the ledger has it.
void Coordinator::probed(const CalibrateResult& m) {
  const auto i = probes_.find(m.base_version);
  if (i == probes_.end()) return;
  auto& probe = i->second;
  if (m.result) {
    const double scale = m.result->figures.at("scale");
    auto& g = *requests_[m.request].record.gate;
    ++g.probed;
    g.scaled += scale < 1;
    g.scale_sum += scale;
    g.samples += m.result->samples;
    if (scale < probe.kept) {
      aggregate::MergePlan back;
      back.correction = true;
      for (auto part : probe.plan.parts) {
        if (clients_[part.arrival.client].excluded) continue;
        part.coefficient *= scale - probe.kept;
        back.parts.push_back(std::move(part));
      }
      probe.kept = scale;
      if (!back.parts.empty()) merges_.push_back(merge_of(std::move(back), {}));
    }
  }
  if (--probe.asked == 0) probes_.erase(i);
}

}  // namespace afu::federate
