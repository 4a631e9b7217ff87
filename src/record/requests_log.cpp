#include "record/requests_log.hpp"

#include <cmath>

#include "base/json_text.hpp"

namespace afu::record {

RequestsLog::RequestsLog(std::filesystem::path path) : file_(std::move(path)) {
  base::append_text(file_.buffer(), requests_header);
  file_.buffer().push_back('\n');
  file_.flush();
}

void RequestsLog::append(const MetricsRow& row) {
  auto& out = file_.buffer();
  for (std::size_t i = 0; i < row.requests.size(); ++i) {
    const auto& own = row.requests[i];
    base::append(out, FMT_COMPILE("{},{},{},{},{},{}"), row.version, row.time, row.epoch, row.updates,
                 row.phase, i);
    for (const auto& figure :
         {own.forget_accuracy, own.attack_success_rate, own.mia_auc, own.poisoned_success}) {
      out.push_back(',');
      if (figure && std::isfinite(*figure)) base::append(out, FMT_COMPILE("{}"), *figure);
    }
    out.push_back('\n');
  }
  file_.flush();
}

}  // namespace afu::record
