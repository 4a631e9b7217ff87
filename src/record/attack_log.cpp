#include "record/attack_log.hpp"

#include "base/csv_figure.hpp"
#include "base/json_text.hpp"

namespace afu::record {

AttackLog::AttackLog(std::filesystem::path path) : file_(std::move(path)) {
  base::append_text(file_.buffer(), attacks_header);
  file_.buffer().push_back('\n');
  file_.flush();
}

void AttackLog::append(const AttackRow& row) {
  base::append(file_.buffer(), FMT_COMPILE("{},{},{},{},{},{},{}\n"), row.point, row.version, row.updates,
               row.time, row.attack, row.figure, base::csv_figure(row.value));
  file_.flush();
}

}  // namespace afu::record
