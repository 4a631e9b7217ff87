#include "page/report.hpp"

#include <fmt/format.h>

#include "base/output_file.hpp"
#include "page/svg.hpp"
#include "record/seal.hpp"

namespace afu::page {

namespace fs = std::filesystem;

Document report_on(const fs::path& folder) {
  if (!fs::exists(folder)) throw figures::ReportError(folder.string() + ": no such folder");
  if (fs::exists(folder / "study.json")) return study_document(figures::read_study(folder));
  if (fs::exists(folder / "summary.json")) {
    if (const auto damage = record::damage(folder); !damage.empty())
      throw figures::ReportError(folder.string() + ": damaged: " + damage);
    return run_document(figures::read_run(folder));
  }
  throw figures::ReportError(folder.string() +
                             ": holds neither a study (study.json) nor a run that ended (summary.json)");
}

void write_report(const Document& document, const fs::path& folder) {
  for (const char* parts : {"tables", "charts"}) {
    std::error_code error;
    fs::create_directories(folder / parts, error);
    if (error)
      throw figures::ReportError(
          fmt::format("{}: cannot be written to: {}", (folder / parts).string(), error.message()));
  }
  base::write_whole(folder / "report.html", to_html(document));
  base::write_whole(folder / "report.md", to_markdown(document));
  const auto write = [&](const DataTable& table, const char* suffix, const std::string& text) {
    base::write_whole(folder / "tables" / (table.id + suffix), text);
  };
  const auto write_tex = [&](const DataTable& table) {
    if (!table.folded) write(table, ".tex", to_latex(table));
  };
  for (const auto* table : tables_of(document)) write(*table, ".csv", to_csv(*table));
  for (const auto& table : document.files) write(table, ".csv", to_csv(table));
  for (const auto& section : document.sections)
    for (const auto& part : section.parts) {
      if (const auto* table = std::get_if<DataTable>(&part)) write_tex(*table);
      if (const auto* chart = std::get_if<Chart>(&part))
        base::write_whole(folder / "charts" / (chart->id + ".svg"),
                          chart->file.empty() ? svg::standalone(chart->svg) : chart->file);
      if (const auto* folded = std::get_if<Folded>(&part))
        for (const auto& table : folded->tables) write_tex(table);
    }
}

}  // namespace afu::page
