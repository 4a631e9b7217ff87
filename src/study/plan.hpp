#pragma once
/// From a study to its cells, each with a checked scenario.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "config/scenario.hpp"
#include "study/study.hpp"

namespace afu::study {

struct Cell {
  std::size_t arm = 0;  ///< index into Study::arms
  std::int64_t seed = 0;
  std::vector<std::size_t> values;  ///< one an axis: index into Axis::values
  std::size_t group = 0;            ///< cells of one group differ in the arm only: they share their past
  std::string folder;               ///< below the study's: cells/<arm>/<key=value>/seed=<seed>
  config::Scenario scenario;
};

struct Plan {
  Study study;  ///< with the controls of the rebound protocol, and what only scenarios tell
  std::vector<Cell> cells;
  std::size_t groups = 0;
  std::vector<std::string> notes;     ///< what was changed of what the study says
  std::vector<std::string> warnings;  ///< what its report will not be able to say
};

/// Checks the scenario of every cell before any is run. The rebound protocol sets stop.updates,
/// evaluation.dense_updates and evaluation.every_updates, adds the controls none, placebo and leak, unless
/// the study says otherwise, and ends every calibration window before the tail. Subject, reference and claims
/// are chosen where the file does not (claims.hpp). Throws config::ConfigError with everything that is wrong,
/// at the study's line where the study is the cause: keys that are set twice (conflicts.hpp), values of an
/// axis that give one scenario, claims that cannot be judged. `of_file`: what is wrong with the study's file already, told
/// with the rest.
Plan make_plan(Study study, const config::Errors& of_file = {});

/// study.json: the manifest that reports read.
nlohmann::ordered_json manifest(const Plan& plan, const std::string& command);

}  // namespace afu::study
