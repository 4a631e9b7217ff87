#pragma once
/// calibrations.csv: one row a calibration that was merged.
#include <filesystem>

#include "base/output_file.hpp"
#include "record/records.hpp"

namespace afu::record {

/// The first line of calibrations.csv.
inline constexpr const char* calibrations_header =
    "number,client,epoch,base_version,merged_version,staleness,updates_since,began,ended,steps,passes,"
    "samples,"
    "weight,loss_before,loss_after,risk_before,risk_after,kl_before,kl_after,kd_before,kd_after,penalty_"
    "before,"
    "penalty_after,delta_norm,cosine,penalty_reference";

/// A figure that does not apply, or is no finite number, is an empty cell. Each row reaches the file before
/// `append` returns. Write errors throw std::runtime_error.
class CalibrationLog {
 public:
  explicit CalibrationLog(std::filesystem::path path);
  void append(const CalibrationRecord& row);
  void close() { file_.close(); }

 private:
  base::OutputFile file_;
};

}  // namespace afu::record
