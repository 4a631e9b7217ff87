#pragma once
/// [calibration.research]: the arms that studies compare; as measured so far most help little (configs/studies/README.md).
#include <cstdint>

#include "config/choices.hpp"

namespace afu::config {

/// [calibration.difference]: the search of the invariance "difference" (calibrate::DifferenceJob).
struct CalibrationDifference {
  std::int64_t labels = 1;      ///< most that may have fallen
  std::int64_t candidates = 4;  ///< labels of which the one is taken that lost most; 1: those that fell most
  std::int64_t restarts = 2, steps = 80;
  std::int64_t batch_size = 32;  ///< images of a step; 0: all
  PatternForm form = PatternForm::mask;
  double sparsity = 0.02;
  bool guard = false;  ///< no later delta may raise the risk on images with a pattern
  double prune = 0.0;  ///< share of the penultimate units that is pruned
};

struct CalibrationResearch {
  CalibrationDifference difference{};   ///< a section of its own
  std::int64_t stages = 10;             ///< parts in which the first calibration goes through the erasure
  bool until_loss = false;              ///< until the cross entropy is what it was before the erasure
  std::int64_t until_loss_steps = 200;  ///< at most
  double kd = 0.0;                      ///< weight of KL(p right after the erasure || p)
  double fisher = 0.0;                  ///< strength of the Fisher anchor at the erased model
  FisherForm fisher_form = FisherForm::gradient;
  std::int64_t fisher_samples = 256;
  std::int64_t anneal_jobs = 0;         ///< so many calibrations have a lambda of 1 at most
  bool divide_loss = false;             ///< by max(1, lambda)
  std::int64_t adversarial_every = 10;  ///< calibrations
  std::int64_t adversarial_steps = 100;
  double adversarial_lr = 0.1, adversarial_sparsity = 0.01;
  std::int64_t minimax_steps = 10;  ///< of ascent, a calibration
  double minimax_radius = 5.0;      ///< of the ball, in L2, of images from -1 to 1
  std::int64_t feature_rank = 4;    ///< directions of the features
  double sharpness = 0.0;           ///< rho of sharpness-aware steps; 0: plain ones
  IrmEstimator irm_estimator = IrmEstimator::square;
  std::int64_t sunset_jobs = 0;  ///< consecutive calibrations at the reference that end the window; 0: none
  double sunset_factor = 1.1;    ///< times the reference
  bool gate = false;             ///< merges of updates that raise the penalty are taken back in part
  double gate_epsilon = 0.0;     ///< what it may rise by
  std::int64_t gate_samples = 256;  ///< of the probe
  bool staleness_discount = false;  ///< (1 + staleness)^-1/2
  double max_delta = 0.0;           ///< longest difference that is merged; 0: any
  std::int64_t guard_rank = 0;      ///< 0: no guard
  double guard_restore = 0.0;       ///< kappa
  std::int64_t guard_restore_every = 8;
  bool guard_measure = false;  ///< take cos(delta, -e), guard or not
};

}  // namespace afu::config
