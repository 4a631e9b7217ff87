#pragma once
/// requests.csv: what each evaluation says of each request's own samples.
#include <filesystem>

#include "base/output_file.hpp"
#include "record/records.hpp"

namespace afu::record {

/// The first line of requests.csv. `request` counts the scenario's erasures from 0.
inline constexpr const char* requests_header =
    "version,time,epoch,updates,phase,request,forget_accuracy,attack_success_rate,mia_auc,poisoned_success";

/// One row an evaluation and request, also before it was made. A figure that does not apply is an empty cell.
/// Rows reach the file before `append` returns. Write errors throw std::runtime_error.
class RequestsLog {
 public:
  explicit RequestsLog(std::filesystem::path path);
  void append(const MetricsRow& row);
  void close() { file_.close(); }

 private:
  base::OutputFile file_;
};

}  // namespace afu::record
