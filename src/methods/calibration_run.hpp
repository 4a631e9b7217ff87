#pragma once
/// The scenario's [calibration] as a part of a procedure.
#include <cstdint>
#include <optional>
#include <vector>

#include "methods/method.hpp"
#include "methods/script.hpp"

namespace afu::methods {

/// A model that nobody has seen, w_v + e + c, and c, its calibrations' sum; null in timing-only runs.
struct Draft {
  ParametersPtr model, calibration;
};

/// The calibrations of one request, with what they need to know of its erasures.
class CalibrationRun {
 public:
  explicit CalibrationRun(const Request& request) : request_(request) {}

  /// An erasure is about to be merged into `before`; null in timing-only runs.
  void erasing(ParametersPtr before, ParametersPtr erasure);
  /// It has been merged.
  void erased(ParametersPtr model);
  /// One calibration of so many steps from the then current version, or from the draft, which it goes into: the jobs
  /// that it needs first (the Fisher information, the adversarial trigger, the patterns), itself, its merge. `to_level`:
  /// the first one after an erasure. It goes through the erasure in calibration.research.stages, and it is repeated where
  /// calibration.research.until_loss says so, until the cross entropy is what it was before the erasure.
  Script calibrate(std::int64_t steps, bool to_level, Draft* draft, const Now& now);
  /// So many more updates are accepted. Where the patterns are guarded (src/calibrate/README.md, Guarded patterns) the
  /// guard is built anew of each version that the calibrator can look at meanwhile.
  Script await_updates(std::uint64_t count, const Now& now);
  /// Whether the window may end (src/calibrate/README.md, Sunset): of the calibrations since one was `to_level`, the
  /// last calibration.research.sunset_jobs all found D_inv <= sunset_factor * its reference. D_inv is
  /// the penalty of the invariance, without lambda, over the whole calibration set, of the version that the
  /// calibration began from: what retained training has done, not what the steps make of it. perturbation:
  /// the mean of KL(p(x) || p(T(x))), T drawn anew each time; irm: mean_e g_e^2, or the halves' product;
  /// vrex: the variance of the R_e; difference: the cross entropy under a pattern, minimax: under what was added; features:
  /// how far they are from the erased model's. The reference is that penalty, of the
  /// same version, under harmless augmentations in place of T, or of the images as they are
  /// (CalibrationLoss::reference_penalty). Never true in timing-only runs.
  bool sunset(const config::CalibrationSection& c) const;
  /// The gate for updates, with the last triggers; only a timing-only run has none.
  GateUpdates gate(const View& view) const;

 private:
  bool needs_fisher(const config::CalibrationSection& c) const;
  bool needs_trigger(const config::CalibrationSection& c) const;
  bool needs_patterns(const config::CalibrationSection& c) const;
  Script search(Draft* draft, const Now& now);
  bool needs_directions(const config::CalibrationSection& c) const;
  bool guards_patterns(const View& view) const;
  Calibrate fisher(const View& view) const;
  Calibrate trigger(const View& view) const;
  Calibrate patterns(const View& view, std::int64_t again) const;
  Calibrate directions(const View& view) const;
  Calibrate pattern_gradient(const View& view);
  Calibrate calibration(const View& view, std::int64_t steps, bool to_level, bool first) const;
  void take_found(const config::CalibrationSection& c, const job::JobResult* result);
  void note_penalty(const config::CalibrationSection& c, const job::JobResult* result);
  MergeCalibration merge(const View& view, const job::JobResult* result) const;

  Request request_;
  std::uint64_t jobs_ = 0, base_version_ = 0;
  std::int64_t quiet_ = 0;                  ///< calibrations in a row that found D_inv at its reference
  std::optional<std::uint64_t> triggered_;  ///< the job that the trigger was computed for
  bool have_fisher_ = false;
  bool searched_ = false;        ///< for patterns, or directions of features
  bool without_before_ = false;  ///< the model before an erasure is not asked for any more
  std::int64_t gradients_ = 0;   ///< of images with a pattern
  ParametersPtr before_, erasure_, erased_, fisher_, mask_;
  std::vector<double> trigger_;
};

}  // namespace afu::methods
