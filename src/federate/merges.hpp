#pragma once
/// What waits to be merged: one merge at a time, in the order in which they came up, each computed on a lane.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "aggregate/ledger.hpp"
#include "aggregate/rule.hpp"
#include "engine/combine_job.hpp"
#include "federate/guards.hpp"
#include "federate/lineage.hpp"
#include "federate/progress.hpp"
#include "record/records.hpp"

namespace afu::federate {

/// Of updates.
struct UpdateMerge {
  aggregate::MergePlan plan;
  std::vector<record::Decision::Kind> kinds;  ///< one a part of the plan
  bool weighed = false;                       ///< the rule has been told what it asked for
  std::size_t rule_outputs = 0;               ///< where the outputs for the rule begin
};
/// Takes back a part of an earlier merge of updates.
struct CorrectionMerge {
  aggregate::MergePlan plan;
};
/// Of an erasure (methods::MergeErasure), or of the last calibration.
struct RequestMerge {
  std::uint32_t request = 0;
  bool erasure = false;
  ParametersPtr delta;
  double weight = 1.0;  ///< of it
  std::optional<double> influence_gain{};
  bool by_accumulator = false;
  ParametersPtr calibration{};               ///< what was done in private
  ParametersPtr statistics{};                ///< a vector whose buffers become the model's
  std::vector<aggregate::TakenOut> taken{};  ///< as in methods::MergeErasure
  std::size_t own_outputs = 0;               ///< of its job; those behind it are of `rests`
};
/// The first updates of all clients are compared, so that clusters can be formed.
struct ProfilesMerge {};
/// A cluster goes back to before the request's target took part.
struct RollBackMerge {
  std::uint32_t request = 0;
  std::size_t cluster = 0;
};
using Merge = std::variant<UpdateMerge, CorrectionMerge, RequestMerge, ProfilesMerge, RollBackMerge>;

class MergeQueue {
 public:
  void push(Merge merge) { waiting_.push_back(std::move(merge)); }
  bool empty() const { return waiting_.empty(); }
  /// Whether one is being computed: nothing else happens meanwhile.
  bool busy() const { return busy_; }
  /// The first one, whose turn it is now; it stays the first until `end`.
  Merge& begin();
  Merge& current() { return waiting_.front(); }
  Merge end();
  /// Accepted updates in merges that were not made.
  std::size_t updates() const;

 private:
  std::deque<Merge> waiting_;
  bool busy_ = false;
};

/// What the rule must know of a merge before it can weigh its parts; none: it can, or has been told.
std::optional<engine::CombineJob> rule_question(UpdateMerge& merge, Lineage& lineage, const Progress& at);
/// Tells it; no numbers in timing-only runs, and where nothing was asked.
void weigh(UpdateMerge& merge, Lineage& lineage, const std::vector<double>& numbers);

/// Makes the next version, then what the ledger, the rule and the lineage make of the merge for themselves.
/// `guards` may be null.
engine::CombineJob update_job(UpdateMerge& merge, Lineage& lineage, aggregate::Ledger& ledger, Guards* guards,
                              const Progress& at);
engine::CombineJob correction_job(const CorrectionMerge& merge, const Lineage& lineage,
                                  aggregate::Ledger& ledger, const Progress& at);
/// Appends to `job` what is left of the influence of each client that `merge` takes out of the ledger, where anything is:
/// what it has contributed since.
void extend_by_rests(RequestMerge& merge, bool whole_model, const aggregate::Ledger& ledger,
                     engine::CombineJob& job);
/// Takes those parts out of the ledger.
void take_out(const RequestMerge& merge, bool whole_model, const std::vector<ParametersPtr>& outputs,
              aggregate::Ledger& ledger);
/// Makes the version, then, where that is not known beforehand, the difference that it adds; after an erasure
/// by the accumulators those of the others. `client`: the target.
engine::CombineJob request_job(const RequestMerge& merge, std::uint32_t client, bool whole_model,
                               const aggregate::Ledger& ledger, const std::vector<engine::GuardPtr>& guards,
                               const Progress& at);

}  // namespace afu::federate
