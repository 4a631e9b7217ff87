#pragma once
/// [calibration].
#include <cstdint>
#include <memory>

#include "config/choices.hpp"

namespace afu::config {

struct CalibrationResearch;

/// [calibration.research] (config/sections/calibration_research.hpp), a value that is kept apart: one of its keys more
/// compiles again who uses such keys, not who uses a scenario.
class ResearchArms {
 public:
  ResearchArms();
  ResearchArms(const ResearchArms& other);
  ResearchArms& operator=(const ResearchArms& other);
  ~ResearchArms();

  CalibrationResearch& operator*() { return *keys_; }
  const CalibrationResearch& operator*() const { return *keys_; }
  CalibrationResearch* operator->() { return keys_.get(); }
  const CalibrationResearch* operator->() const { return keys_.get(); }

 private:
  std::unique_ptr<CalibrationResearch> keys_;  ///< never null
};

struct CalibrationSection {
  CalibrationSource source = CalibrationSource::validation;
  std::int64_t samples_per_environment = 20;  ///< an environment is a retained client
  std::int64_t steps = 20;
  std::int64_t batch_size = 0;  ///< of a step, over all environments; 0: the whole set
  double lr = 0.01;
  double momentum = 0.9;
  double clip_norm = 5.0;
  Optimiser optimiser = Optimiser::sgd;
  double risk = 1.0;  ///< weight of the mean cross entropy
  double beta = 1.0;  ///< weight of KL(p before the erasure || p)
  Invariance invariance = Invariance::none;
  double lambda = 1.0;  ///< weight of the invariance's penalty
  Perturbation perturbation = Perturbation::default_;
  EnvironmentKind environments = EnvironmentKind::client;
  bool placebo = false;  ///< same set, same steps, the cross entropy alone
  std::int64_t window_updates = 20;
  std::int64_t window_every = 2;
  std::int64_t window_steps = 2;
  ResearchArms research;
};

}  // namespace afu::config
