#pragma once
/// Late updates: those whose base still held what has been erased since. What becomes of them is
/// unlearning.late: "accept", "drop", "guard" (what points back along the erasure is taken off) or "rebase"
/// (the base is given what the erasures and calibrations since then have added to the model).
#include <cstdint>
#include <utility>
#include <vector>

#include "aggregate/rule.hpp"
#include "config/choices.hpp"
#include "record/records.hpp"

namespace afu::federate {

class LateUpdates {
 public:
  explicit LateUpdates(config::LatePolicy policy) : policy_(policy) {}

  /// Something is erased: from now on the model is of this epoch.
  void erased(std::uint64_t epoch) { corrections_.push_back({epoch, {}}); }
  /// weight * vector was added to the model for the last erasure, or for its calibration.
  void corrected(double weight, model::ParametersPtr vector);
  /// A new lineage: nothing that was done to the last one matters.
  void reset() { corrections_.clear(); }

  /// Makes a late update ready for its merge, or late_dropped: it must not be merged.
  record::Decision::Kind take(aggregate::Arrival& update, std::uint64_t base_epoch) const;
  /// Of a late update taken as `kind`: under a guard it is never mixed as a whole model, which holds what is
  /// erased; its difference is added.
  static void settle(record::Decision::Kind kind, aggregate::MergePlan& plan);

 private:
  struct Correction {
    std::uint64_t epoch;
    std::vector<std::pair<double, model::ParametersPtr>> vectors;
  };
  config::LatePolicy policy_;
  std::vector<Correction> corrections_;
};

}  // namespace afu::federate
