#pragma once
/// The scenario's [calibration] as steps of a procedure.
#include <cstdint>
#include <optional>
#include <vector>

#include "methods/method.hpp"

namespace afu::methods {

/// One calibration after another from the then current version: for each the jobs that it needs first (the
/// Fisher information, the adversarial trigger), the calibration itself, its merge.
class CalibrationRun {
 public:
  explicit CalibrationRun(const Request& request) : request_(request) {}

  /// An erasure is about to be merged into `before`; null in timing-only runs.
  void erasing(ParametersPtr before, ParametersPtr erasure);
  /// It has been merged.
  void erased(ParametersPtr model);
  /// To be followed by `next` until that returns nothing. `to_level`: the first goes through the erasure in
  /// calibration.research.stages, and it is repeated where calibration.research.until_loss says so, until the cross entropy is
  /// what it was before the erasure.
  void begin(std::int64_t steps, bool to_level);
  std::optional<Step> next(const View& view, const job::JobResult* result);
  /// Whether the window may end (src/calibrate/README.md, Sunset): of the calibrations since `begin` last had
  /// `to_level`, the last calibration.research.sunset_jobs all found D_inv <= sunset_factor * its reference. D_inv is
  /// the penalty of the invariance, without lambda, over the whole calibration set, of the version that the
  /// calibration began from: what retained training has done, not what the steps make of it. perturbation:
  /// the mean of KL(p(x) || p(T(x))), T drawn anew each time; irm: mean_e g_e^2, or the halves' product;
  /// vrex: the variance of the R_e. The reference is that penalty, of the same version, under harmless
  /// augmentations in place of T, or of the images as they are (CalibrationLoss::reference_penalty). Never
  /// true in timing-only runs.
  bool sunset(const config::CalibrationSection& c) const;
  /// The gate for updates, with the adversarial family's last trigger; only a timing-only run has none.
  GateUpdates gate(const View& view) const;
  /// Drops what is derived from erased data.
  void forget();

 private:
  enum class Waiting { nothing, fisher, trigger, calibration, merge };
  Step fisher(const View& view) const;
  Step trigger(const View& view) const;
  Step calibration(const View& view) const;
  void note_penalty(const config::CalibrationSection& c, const job::JobResult* result);
  MergeCalibration merge(const View& view, const job::JobResult* result) const;

  Request request_;
  Waiting waiting_ = Waiting::nothing;
  std::int64_t steps_ = 0, taken_ = 0;
  bool to_level_ = false, at_level_ = false, have_fisher_ = false;
  std::uint64_t jobs_ = 0, base_version_ = 0;
  std::int64_t quiet_ = 0;                  ///< calibrations in a row that found D_inv at its reference
  std::optional<std::uint64_t> triggered_;  ///< the job that the trigger was computed for
  ParametersPtr before_, erasure_, erased_, fisher_;
  std::vector<double> trigger_;
};

}  // namespace afu::methods
