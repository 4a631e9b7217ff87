#pragma once
/// EWC as the clients' regulariser: once a version counts as erased, training is held near it by the penalty
/// strength / 2 * sum over j of F_j (w_j - anchor_j)^2 with F that version's diagonal Fisher information on
/// calibration images, scaled to mean 1 (Kirkpatrick et al., PNAS 2017, eq. 3). The calibrator computes F;
/// until it has, clients train without.
#include <cstdint>
#include <memory>
#include <optional>

#include "config/scenario_fwd.hpp"
#include "federate/messages.hpp"
#include "federate/progress.hpp"
#include "federate/roster.hpp"
#include "train/train_job.hpp"

namespace afu::federate {

class Ewc {
 public:
  /// `scenario` must outlive this; training.ewc_strength is above 0.
  explicit Ewc(const config::Scenario& scenario) : scenario_(scenario) {}

  /// Asks for the Fisher information of the version `at`, which is to be the anchor. `classes`: of the data.
  /// None where nobody who stays has calibration images.
  std::optional<CalibrateTask> ask(const Progress& at, const Roster& roster, std::int64_t classes);
  /// The answer; one that `drop` or a later question has voided changes nothing.
  void answered(const CalibrateResult& m);
  /// The anchor holds what a new request wants forgotten: nobody is to be pulled back to it.
  void drop();
  /// Anchor, Fisher information and strength; null: there is none.
  const std::shared_ptr<const train::TrainExtras>& anchor() const { return anchor_; }

 private:
  const config::Scenario& scenario_;
  std::optional<std::uint64_t> version_;  ///< whose Fisher information is being computed
  ParametersPtr model_;                   ///< that version
  std::shared_ptr<const train::TrainExtras> anchor_;
};

}  // namespace afu::federate
