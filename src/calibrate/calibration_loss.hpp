#pragma once
/// The calibrator's loss where a lane's replica stands, with its flat gradient.
#include <optional>
#include <vector>

#include "calibrate/environments.hpp"
#include "calibrate/feature_directions.hpp"
#include "calibrate/objective.hpp"
#include "calibrate/perturbations.hpp"

namespace afu::calibrate {

class CalibrationLoss {
 public:
  /// `key` names the draws of perturbations, mixtures and interventions; `found` are the numbers of the adversarial
  /// family's trigger, of the patterns of the difference, or of the directions of the features. Throws
  /// std::invalid_argument for an empty set, or triggers that do not fit the images.
  CalibrationLoss(engine::Workspace& workspace, const std::vector<data::IndicesPtr>& sets,
                  const Objective& objective, const base::StreamKey& key, const std::vector<double>& found);

  /// Keeps a version's outputs on the clean images as what the KL terms compare with; the replica then is
  /// that version. `set_erased` is needed where objective.kd > 0, and for the features.
  void set_before(const model::ParameterVector& version);
  void set_erased(const model::ParameterVector& version);
  /// Family::minimax: what is added to all clean images, no longer than the ball's radius, and raises their cross entropy
  /// where the replica stands, by steps of 2.5 radius / steps up the normalised gradient, each back into the ball (Madry
  /// et al. 2018). It is what the penalty takes from then on; until then nothing is added.
  void find_worst();

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
  /// The same with its gradient on the next minibatch, of objective.batch clean samples; where that is 0, on
  /// the whole set. The teachers must be there by then.
  Values step(std::uint64_t draw);
  /// The same on what the last `step` took.
  Values again(std::uint64_t draw);
  /// What the penalty at this replica is under harmless augmentations A, another intensity and a blur: an
  /// estimate of what it would be without anything planted, by which `at(...).penalty` can be judged
  /// (src/calibrate/README.md, Sunset). perturbation: the mean over both A of KL(p(x) || p(A(x))), T having
  /// given way to A; difference, and the family minimax: the mean over both A of the cross entropy of A(x). features: how
  /// far A moves the features from the clean images' along the directions. irm, vrex: the same penalty of the environments
  /// (client, A), on the images A(x) in place of x.
  torch::Tensor reference_penalty();

  const Environments& environments() const { return all_; }
  std::int64_t passes() const { return passes_; }  ///< sample gradients or forward passes so far

 private:
  torch::Tensor forward(const torch::Tensor& images);
  torch::Tensor along_directions(const torch::Tensor& images);
  torch::Tensor anchored(const Chunk& chunk);
  torch::Tensor perturbed(const Chunk& chunk, std::size_t index, std::uint64_t draw) const;
  torch::Tensor mean_risk(const Environments& on);
  Values share(const Environments& on, std::size_t index, std::uint64_t draw, bool penalise,
               const torch::Tensor& mean);
  Values evaluate(const Environments& on, std::uint64_t draw, bool with_gradients);

  engine::Workspace& workspace_;
  Objective objective_;
  base::StreamKey key_;
  Environments all_;
  std::vector<UniversalTrigger> triggers_;
  FeatureDirections directions_;
  std::optional<Batches> batches_;
  Environments last_;  ///< minibatch
  std::int64_t passes_ = 0;
};

}  // namespace afu::calibrate
