#pragma once
/// A run's folder, read back.
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "record/records.hpp"

namespace afu::figures {

/// A folder that cannot be reported on: a user's error. Says file, line where there is one, and reason.
struct ReportError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What a metric's values are, and so how people read them: shares in per cent, an area under a ROC curve as
/// it is, both in [0, 1]; a loss, which has no upper bound, in nats; a Brier score, in [0, 2], as it is.
enum class Quantity { share, area, loss, score };

/// One of the figures of a model, in its three places.
struct Metric {
  const char *name, *title;
  Quantity quantity;
  std::optional<double> record::Figures::*figure;
  std::optional<double> record::MetricsRow::*row;
};
/// test_accuracy, balanced_accuracy, test_auc, test_loss, calibration_error, brier_score (the test set); forget_accuracy,
/// retain_accuracy, attack_success_rate, mia_auc
const std::vector<Metric>& metrics();
/// Null: no such metric.
const Metric* find_metric(const std::string& name);

/// A figure that a run should have and has not: of `metric`, and where and how it is missing.
struct Flaw {
  const Metric* metric;
  std::string text;  ///< "metrics.csv:17: attack_success_rate is 'nan'"
};

struct Run {
  std::filesystem::path folder;
  record::Summary summary;
  std::vector<record::MetricsRow> rows;  ///< in the order of the file; empty where nothing was measured
  /// A metric is measured on every evaluated version or on none: of a metric in some rows alone the first row
  /// without it, and of one that the rows have and the final figures lack. At most one each.
  std::vector<Flaw> flaws;
  /// summary.json's `context` and what else describes the run, as text: for people. The warnings are in
  /// `summary`.
  std::vector<std::pair<std::string, std::string>> context;
};

/// Folders of an older afu may lack the later metrics: their final figures are then the last row's, if it has
/// them. Throws ReportError for a file that is missing (but for metrics.csv, where no figure was measured) or
/// malformed, one of another schema, and values that cannot be: shares outside [0, 1], times and losses below
/// 0.
Run read_run(const std::filesystem::path& folder);
record::Summary read_summary(const std::filesystem::path& file);
/// A cell that holds "nan" or an infinity is a figure that is absent; each is told in `flaws`, if given.
std::vector<record::MetricsRow> read_metrics(const std::filesystem::path& file,
                                             std::vector<Flaw>* flaws = nullptr);

using LogRecord = std::variant<record::Event, record::Decision>;
/// events.jsonl, in its order.
std::vector<LogRecord> read_events(const std::filesystem::path& file);

/// A whole file. Throws ReportError.
std::string read_file(const std::filesystem::path& file);

}  // namespace afu::figures
