#pragma once
/// The calibrator's loss where a lane's replica stands, with its flat gradient.
#include <vector>

#include "calibrate/environments.hpp"
#include "calibrate/objective.hpp"

namespace afu::calibrate {

class CalibrationLoss {
 public:
  /// `key` names the draws of perturbations and interventions; `trigger` is the adversarial family's, as
  /// numbers. Throws std::invalid_argument for an empty set, or a trigger that does not fit the images.
  CalibrationLoss(compute::Workspace& workspace, const std::vector<data::IndicesPtr>& sets,
                  const Objective& objective, const sim::StreamKey& key, const std::vector<double>& trigger);

  /// Keeps a version's outputs on the clean images as what the KL terms compare with; the replica then is
  /// that version. `set_erased` is needed where objective.kd > 0.
  void set_before(const model::ParameterVector& version);
  void set_erased(const model::ParameterVector& version);

  /// Detached scalars on the device; undefined where a term is no part of the objective.
  struct Values {
    torch::Tensor total;
    torch::Tensor risk;     ///< mean_e R_e
    torch::Tensor kl, kd;   ///< to the model before the erasure; to the erased one
    torch::Tensor penalty;  ///< of the invariance, without lambda
  };
  /// L, with perturbation draw `draw`; with gradients, the workspace's flat gradient becomes L's. A penalty
  /// of weight 0 is only computed without them.
  Values at(std::uint64_t draw, bool with_gradients);

  const Environments& environments() const { return all_; }
  std::int64_t passes() const { return passes_; }  ///< sample gradients or forward passes so far

 private:
  torch::Tensor forward(const torch::Tensor& images);
  torch::Tensor perturbed(const Chunk& chunk, std::size_t index, std::uint64_t draw) const;
  torch::Tensor mean_risk();
  Values share(const Chunk& chunk, std::size_t index, std::uint64_t draw, bool penalise,
               const torch::Tensor& mean);

  compute::Workspace& workspace_;
  Objective objective_;
  sim::StreamKey key_;
  std::vector<double> trigger_;
  Environments all_;
  std::vector<torch::Tensor> triggered_;  ///< a chunk's images with the oracle's trigger: always the same
  std::int64_t passes_ = 0;
};

}  // namespace afu::calibrate
