#include "report/report.hpp"

#include "record/output_file.hpp"

namespace afu::report {

namespace fs = std::filesystem;

Document report_on(const fs::path& folder) {
  if (fs::exists(folder / "study.json")) return study_document(read_study(folder));
  if (fs::exists(folder / "summary.json")) return run_document(read_run(folder));
  throw ReportError(folder.string() +
                    ": holds neither a study (study.json) nor a run that ended (summary.json)");
}

void write_report(const Document& document, const fs::path& folder) {
  fs::create_directories(folder / "tables");
  record::write_whole(folder / "report.html", to_html(document));
  record::write_whole(folder / "report.md", to_markdown(document));
  for (const auto* table : tables_of(document))
    record::write_whole(folder / "tables" / (table->id + ".csv"), to_csv(*table));
  for (const auto& section : document.sections)
    for (const auto& part : section.parts)
      if (const auto* table = std::get_if<DataTable>(&part); table && !table->folded)
        record::write_whole(folder / "tables" / (table->id + ".tex"), to_latex(*table));
}

}  // namespace afu::report
