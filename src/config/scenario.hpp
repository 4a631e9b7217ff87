#pragma once
/// A scenario, checked and complete: every value is within its documented range once `load_scenario` has
/// returned it. Whoever needs one section includes that (config/sections/), and whoever passes a scenario on only declares
/// it: a key more then has little to compile.
#include <string>
#include <vector>

#include "config/sections/calibration.hpp"
#include "config/sections/compute.hpp"
#include "config/sections/data.hpp"
#include "config/sections/distribution.hpp"
#include "config/sections/evaluation.hpp"
#include "config/sections/heterogeneity.hpp"
#include "config/sections/model.hpp"
#include "config/sections/output.hpp"
#include "config/sections/partition.hpp"
#include "config/sections/scenario.hpp"
#include "config/sections/training.hpp"
#include "config/sections/unlearning.hpp"

namespace afu::config {

/// What the user is told of a key, and is no error.
struct Note {
  std::string place;  ///< file:line:col; "--set" of an override
  std::string key, text;
  std::string line() const { return place + ": " + key + " " + text; }
};

struct Scenario {
  ScenarioSection scenario;
  DataSection data;
  PartitionSection partition;
  ModelSection model;
  TrainingSection training;
  Heterogeneity heterogeneity;
  std::vector<Erasure> erasures;
  UnlearningSection unlearning;
  CalibrationSection calibration;
  EvaluationSection evaluation;
  ComputeSection compute;
  OutputSection output;
  StopSection stop;
  std::string file;         ///< where it came from, for messages and relative paths
  std::vector<Note> notes;  ///< on keys that are still read and will not be, one a key (config/old_keys.hpp)
};

}  // namespace afu::config
