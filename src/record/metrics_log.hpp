#pragma once
/// metrics.csv: one row an evaluation.
#include <filesystem>

#include "base/output_file.hpp"
#include "record/records.hpp"

namespace afu::record {

/// The first line of metrics.csv.
inline constexpr const char* metrics_header =
    "version,time,epoch,updates,phase,test_accuracy,balanced_accuracy,forget_accuracy,retain_accuracy,"
    "attack_success_rate,mia_auc,test_loss,test_auc,calibration_error,brier_score";

/// A figure that does not apply, or is not a finite number (a diverged model's loss), is an empty cell. Each
/// row reaches the file before `append` returns. Write errors throw std::runtime_error.
class MetricsLog {
 public:
  explicit MetricsLog(std::filesystem::path path);
  void append(const MetricsRow& row);
  void close() { file_.close(); }

 private:
  base::OutputFile file_;
};

}  // namespace afu::record
