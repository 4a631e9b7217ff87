#pragma once
/// `afu report`: from a folder to a document, and from that to files.
#include <filesystem>

#include "figures/study_data.hpp"
#include "page/document.hpp"

namespace afu::page {

/// Of a study's folder (it has study.json) or of a single run's (summary.json); the latter without claims and
/// comparisons. Throws ReportError.
Document report_on(const std::filesystem::path& folder);
Document study_document(figures::Study study);
Document run_document(const figures::Run& run);

/// Writes report.html, report.md, tables/*.csv, tables/*.tex and charts/*.svg, one for each chart of the
/// page, under `folder`, replacing files of these names and touching no other. Throws figures::ReportError where its folders
/// cannot be made, std::runtime_error where a file cannot be written.
void write_report(const Document& document, const std::filesystem::path& folder);

}  // namespace afu::page
