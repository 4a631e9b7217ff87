#pragma once
/// What is recorded of one request's calibrations, from the question to the merge.
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "federate/progress.hpp"
#include "job/job.hpp"
#include "record/records.hpp"

namespace afu::federate {

class Calibrations {
 public:
  /// Updates since the last calibration count from here: the request, or its erasure.
  void count_from(const Progress& at) { counted_ = at.updates; }
  /// One is asked for, of so many SGD steps and modelled sample gradients, for an erasure of `client`. One
  /// that was not merged before it stays private until the next merge.
  void begin(const Progress& at, std::int64_t client, std::int64_t steps, double passes);
  /// The patterns of the difference are searched for, at so many modelled sample gradients.
  void search(double passes);
  /// The directions of the features are looked for, likewise.
  void look_at_features(double passes);
  /// What the calibrator answered. It counts where one of these was what it was asked for last.
  void answered(const job::JobResult& result);
  /// What the calibrator answered is not finite. True where it was asked for a calibration: that is dropped, and its merge
  /// with it, which its procedure asks for next.
  bool drop();
  /// Whether the calibration that is to be merged now was dropped; once.
  bool take_dropped() { return std::exchange(dropped_, false); }
  /// What the searches found; nothing: there was none.
  const std::optional<record::DifferenceFigures>& difference() const { return difference_; }
  /// A search is what the calibrator was asked for last, and has not answered.
  /// A search has found no pattern, and no calibration began since.
  bool searched_in_vain() const;
  const std::optional<record::FeatureFigures>& features() const { return features_; }
  /// All since the last merge are merged with this weight in the version that stands now: numbered on from
  /// `number`, which is raised, and added to `totals`.
  std::vector<record::CalibrationRecord> merged(const Progress& at, double weight, std::uint64_t& number,
                                                record::CalibrationTotals& totals);

 private:
  enum class Asked { nothing, calibration, search, features };
  void computed(const job::JobResult& result);
  void found(const job::JobResult& result);
  void directed(const job::JobResult& result);

  Asked asked_ = Asked::nothing;
  std::uint64_t counted_ = 0;
  std::optional<record::CalibrationRecord> current_;  ///< being computed, or merged next
  std::vector<record::CalibrationRecord> private_;    ///< done before it
  std::optional<record::DifferenceFigures> difference_;
  bool calibrated_since_search_ = false;
  std::optional<record::FeatureFigures> features_;
  bool dropped_ = false;
  bool pruned_ = false;  ///< by a calibration
};

}  // namespace afu::federate
