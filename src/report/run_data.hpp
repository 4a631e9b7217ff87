#pragma once
/// A run's folder (DESIGN.md), read back.
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "record/records.hpp"

namespace afu::report {

/// A folder that cannot be reported on: a user's error. Says file, line where there is one, and reason.
struct ReportError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// One of the five figures of a model, in its three places.
struct Metric {
  const char *name, *title;
  std::optional<double> record::Figures::*figure;
  std::optional<double> record::MetricsRow::*row;
};
/// test_accuracy, forget_accuracy, retain_accuracy, attack_success_rate, mia_auc
const std::vector<Metric>& metrics();
/// Null: no such metric.
const Metric* find_metric(const std::string& name);

struct Run {
  std::filesystem::path folder;
  record::Summary summary;
  std::vector<record::MetricsRow> rows;  ///< in the order of the file; empty where there is no metrics.csv
  /// summary.json's `context` and what else describes the run, as text: for people.
  std::vector<std::pair<std::string, std::string>> context;
};

/// Throws ReportError for a file that is missing (but for metrics.csv) or malformed.
Run read_run(const std::filesystem::path& folder);
record::Summary read_summary(const std::filesystem::path& file);
std::vector<record::MetricsRow> read_metrics(const std::filesystem::path& file);

using LogRecord = std::variant<record::Event, record::Decision>;
/// events.jsonl, in its order.
std::vector<LogRecord> read_events(const std::filesystem::path& file);

/// A whole file. Throws ReportError.
std::string read_file(const std::filesystem::path& file);

}  // namespace afu::report
