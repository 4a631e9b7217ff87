#include "record/calibration_log.hpp"

#include "base/csv_figure.hpp"
#include "base/json_text.hpp"

namespace afu::record {

CalibrationLog::CalibrationLog(std::filesystem::path path) : file_(std::move(path)) {
  base::append_text(file_.buffer(), calibrations_header);
  file_.buffer().push_back('\n');
  file_.flush();
}

void CalibrationLog::append(const CalibrationRecord& r) {
  auto& out = file_.buffer();
  base::append(out, FMT_COMPILE("{},{},{},{},{},{},{},{},{},{},{},{},{}"), r.number, r.client, r.epoch,
               r.base_version, r.merged_version, r.staleness, r.updates_since, r.began, r.ended, r.steps,
               r.passes, r.samples, r.weight);
  for (const auto& figure :
       {r.loss_before, r.loss_after, r.risk_before, r.risk_after, r.kl_before, r.kl_after, r.kd_before,
        r.kd_after, r.penalty_before, r.penalty_after, r.norm, r.cosine, r.penalty_reference}) {
    out.push_back(',');
    base::append_text(out, base::csv_figure(figure));
  }
  out.push_back('\n');
  file_.flush();
}

}  // namespace afu::record
