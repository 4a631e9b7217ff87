#pragma once
/// Gates: the calibrator looks at each merge of updates after an erasure; what makes the invariance's penalty
/// rise is taken back in part (methods::GateUpdates). Nobody waits for its answers. One gate a request at
/// most, until its request is done.
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "aggregate/rule.hpp"
#include "federate/messages.hpp"
#include "federate/progress.hpp"
#include "federate/roster.hpp"
#include "methods/method.hpp"
#include "record/records.hpp"

namespace afu::federate {

class Gates {
 public:
  /// In the place of the request's last one.
  void open(std::uint32_t request, methods::GateUpdates gate);
  void close(std::uint32_t request) { gates_.erase(request); }

  /// Tasks for the calibrator, one a gate in the order of the requests: each looks at the merge by `plan`
  /// that has just made the version `after` of `before`.
  std::vector<CalibrateTask> look(const aggregate::MergePlan& plan, const ParametersPtr& before,
                                  const Progress& after);
  /// Takes a gate's answer, whose figure "scale" is the part of the merge that may stay; of several gates the
  /// strictest counts. A correction that takes the rest back, where there is any. A contribution of a client
  /// that has asked since is its erasure's to take out, as the ledger has it.
  std::optional<aggregate::MergePlan> answered(const CalibrateResult& m, const Roster& roster);
  /// Merges that are being looked at are in no version any more.
  void forget_merges() { probes_.clear(); }

  /// None: the request never had a gate.
  std::optional<record::GateFigures> figures(std::uint32_t request) const;

 private:
  /// A merge that gates are looking at.
  struct Probe {
    aggregate::MergePlan plan;
    double kept = 1;          ///< of it, so far
    std::size_t awaited = 0;  ///< answers still to come
  };
  std::map<std::uint32_t, methods::GateUpdates> gates_;
  std::map<std::uint64_t, Probe> probes_;  ///< by the version that the merge made
  std::map<std::uint32_t, record::GateFigures> figures_;
};

}  // namespace afu::federate
