#pragma once
/// A study's folder, as `afu study` writes it: study.json and one run's folder a cell.
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "figures/run_data.hpp"

namespace afu::figures {

struct Arm {
  enum class Role { method, reference, control };
  std::string name;
  Role role = Role::method;
  bool synchronous = false;
};
const char* to_string(Arm::Role role);

struct Axis {
  std::string key;
  std::vector<std::string> values;  ///< as TOML
};
/// A value for people: text without its quotes.
std::string value_label(const std::string& toml);

struct Cell {
  enum class State { completed, failed, missing };
  std::size_t arm = 0, group = 0;  ///< of Study::arms, Study::groups
  std::uint64_t seed = 0;
  std::string folder;  ///< relative to the study's
  State state = State::missing;
  std::string why;         ///< it failed, or is not complete though it was begun
  std::optional<Run> run;  ///< there whenever it completed
  /// Of the run that ended here, completed or not, as far as its summary.json can be read.
  std::vector<std::string> warnings{};
  void fail(std::string reason);
};

/// The rebound protocol (src/metrics/README.md, Rebound), in asynchronous rounds of `round_updates` accepted
/// updates.
struct ReboundPlan {
  bool enabled = false;
  std::size_t rounds = 50, tail_rounds = 50, round_updates = 1;
};

struct StatisticsPlan {
  double confidence = 0.95;
  std::map<std::string, double> margins;  ///< of equivalence, by metric
  std::vector<std::string> family;        ///< metrics whose tests are corrected together
  double rebound_margin = 0.05, throughput_margin = 0.95, latency_ratio = 10, control_margin = 0.1;
  std::size_t late_evaluations = 0;  ///< see `late_figures`
  /// Keys of these that the study's file gives ("margins.mia_auc"): all others are defaults. Absent: not
  /// known.
  std::optional<std::vector<std::string>> declared;

  /// Of a metric. Of balanced accuracy, where a study does not give it, that of test accuracy, which is of
  /// the same images; the margin of any other that has none is absent.
  std::optional<double> margin(const std::string& metric) const;
};

struct Study {
  std::filesystem::path folder;
  std::string name, help, file, base, command;
  std::size_t subject = 0, reference = 0;  ///< of arms
  std::vector<std::size_t> controls;       ///< arms that the subject is held against (keeps_away)
  std::vector<std::size_t> distances;      ///< arms that the others' models are held against
  std::vector<std::uint64_t> seeds;
  std::vector<Axis> axes;
  std::vector<Arm> arms;
  ReboundPlan rebound;
  StatisticsPlan statistics;
  std::vector<std::string> claims;
  std::vector<std::pair<std::string, std::string>> claims_left_out;  ///< and why
  /// The axes' values that occur together, as "key = value, ..."; one empty text without axes.
  std::vector<std::string> groups;
  std::vector<std::vector<std::size_t>> group_values;  ///< of each group, the position in each axis' values
  std::vector<Cell> cells;

  /// In the order of seeds.
  std::vector<const Cell*> cells_of(std::size_t group, std::size_t arm) const;
  std::size_t count(Cell::State state) const;
  /// `base`, told apart from other groups' where there are some: "pareto-group-2".
  std::string id_of(const std::string& base, std::size_t group) const;
  /// An axis' key without its tables, where that is not another axis' too: "straggler_factor".
  std::string axis_name(std::size_t axis) const;
  /// " (key = value)" or nothing.
  std::string in_group(std::size_t group) const;
  /// No completed run has a model or a figure of one: the protocol alone ran (scenario.execute = "timing").
  bool untrained() const;
};

/// A cell that was not run, or failed, is told by its state, and so is one that claims to be complete and has
/// a file that cannot be used: it failed, for that reason. Throws ReportError for a malformed study.json.
Study read_study(const std::filesystem::path& folder);

}  // namespace afu::figures
