#include "record/clients_log.hpp"

#include <utility>

#include "base/csv_figure.hpp"
#include "base/json_text.hpp"
#include "base/table_file.hpp"

namespace afu::record {

ClientsLog::ClientsLog(std::filesystem::path path, std::vector<ClientSet> sets)
    : file_(std::move(path)), sets_(std::move(sets)) {
  base::append_text(file_.buffer(), clients_header);
  file_.buffer().push_back('\n');
  file_.flush();
}

void ClientsLog::append(const MetricsRow& row) {
  auto& out = file_.buffer();
  for (std::size_t i = 0; i < row.groups.size(); ++i) {
    const auto& of = sets_.at(i);
    base::append(out, FMT_COMPILE("{},{},{},{},{},{},{},{},{}"), row.version, row.time, row.epoch,
                 row.updates, row.phase, of.set, of.client < 0 ? std::string() : std::to_string(of.client),
                 base::table_cell(of.site), of.samples);
    const auto& own = row.groups[i];
    for (const auto& figure : {own.accuracy, own.balanced_accuracy, own.auc, own.loss}) {
      out.push_back(',');
      base::append_text(out, base::csv_figure(figure));
    }
    out.push_back('\n');
  }
  file_.flush();
}

}  // namespace afu::record
