#include "record/metrics_log.hpp"

#include "base/csv_figure.hpp"
#include "base/json_text.hpp"

namespace afu::record {

MetricsLog::MetricsLog(std::filesystem::path path) : file_(std::move(path)) {
  base::append_text(file_.buffer(), metrics_header);
  file_.buffer().push_back('\n');
  file_.flush();
}

void MetricsLog::append(const MetricsRow& row) {
  auto& out = file_.buffer();
  base::append(out, FMT_COMPILE("{},{},{},{},{}"), row.version, row.time, row.epoch, row.updates, row.phase);
  for (const auto& figure : {row.test_accuracy, row.balanced_accuracy, row.forget_accuracy,
                             row.retain_accuracy, row.attack_success_rate, row.mia_auc, row.test_loss,
                             row.test_auc, row.calibration_error, row.brier_score}) {
    out.push_back(',');
    base::append_text(out, base::csv_figure(figure));
  }
  out.push_back('\n');
  file_.flush();
}

}  // namespace afu::record
