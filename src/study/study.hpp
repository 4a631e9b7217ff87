#pragma once
/// A study: one base scenario, taken through arms, values of axes and seeds. A cell is one run of it.
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/document.hpp"

namespace afu::study {

/// `key=value`, as `--set` takes it, and where the study says so.
struct Setting {
  std::string key, value;  ///< the value is TOML
  config::Place place;
  std::string text() const { return key + "=" + value; }
};

/// One way to train and forget: a method with its options, or a control.
struct Arm {
  std::string name;
  std::string role;  ///< "method", "reference" or "control"
  std::vector<Setting> set;
  config::Place place;
  bool synchronous = false;  ///< halts the federation or holds barriers; known once its scenario is
};

/// A scenario key, or a section of keys, and the values that it takes in turn.
struct Axis {
  std::string key;
  std::vector<Setting> values;                 ///< as the study says them, which is what the cells are called
  std::vector<std::vector<Setting>> settings;  ///< of each value: a section's table is the keys that it holds
  config::Place place;
};

struct Rebound {
  bool enabled = false;
  std::int64_t rounds = 50, tail_rounds = 50;
  /// |R|: accepted updates in one asynchronous round; known with the scenario.
  std::int64_t round_updates = 0;
};

/// What the report needs to reach a verdict (src/metrics/README.md, Across seeds).
struct Statistics {
  double confidence = 0.95;
  std::map<std::string, double> margins;  ///< of equivalence, by metric
  std::vector<std::string> family{"balanced_accuracy", "test_auc", "attack_success_rate", "mia_auc"};
  double rebound_margin = 0.05, throughput_margin = 0.95, latency_ratio = 10, control_margin = 0.1;
  std::int64_t late_evaluations = 10;  ///< a metric is the mean over the last so many; 0: the last alone
  std::vector<std::string> declared;   ///< keys that the file gives, "margins.mia_auc"; others are defaults
};

/// An arm as the file names it beside where it is made: subject, reference, controls, distances.
struct NamedArm {
  std::string key, arm;
  config::Place place;
};

struct Study {
  std::string name, help;
  std::string file, base;  ///< as given; the base's path is relative to the study's folder or absolute
  std::string subject, reference;  ///< names of arms
  bool reference_given = false;    ///< by the file; else the plan chooses
  std::string base_given;          ///< as the file says it
  config::Place base_place;
  std::vector<NamedArm> named_arms;
  std::vector<std::int64_t> seeds;
  std::vector<std::string> controls;   ///< arms that the claim "keeps_away" holds the subject against
  std::vector<std::string> distances;  ///< arms whose last models the others' are held against
  std::vector<Setting> set;            ///< of every cell
  std::vector<Arm> arms;
  std::vector<Axis> axes;
  Rebound rebound;
  Statistics statistics;
  std::vector<std::string> claims{"equivalence", "no_rebound", "no_downtime", "latency"};
  /// Of `claims`, where the file names them; empty: it does not, and the plan keeps those that can be judged.
  std::vector<config::Place> claim_places;
  std::vector<std::pair<std::string, std::string>> claims_left_out;  ///< and why; known with the plan
};

/// Reads a study's file and adds what is wrong with it to `errors`; what is good of it is in the study all the same, so that
/// its plan (plan.hpp), which looks at the scenarios of the cells, can tell the rest at once. Throws config::ConfigError where
/// the file is no TOML or an include cannot be read, InputError where there is no such file.
Study load_study(const std::string& file, config::Errors& errors);
/// The same from `text`; `name` stands in messages, and `base` is relative to its folder.
Study parse_study(const std::string& text, const std::string& name, config::Errors& errors);
/// The same; throws config::ConfigError with everything that is wrong with the file.
Study load_study(const std::string& file);
Study parse_study(const std::string& text, const std::string& name);

}  // namespace afu::study
