#include <memory>

#include "cli/terminal.hpp"
#include "cli/verb.hpp"
#include "config/text.hpp"
#include "page/report.hpp"

namespace afu::cli {

std::function<int()> declare_report(CLI::App& app) {
  struct Options {
    std::string folder, output;
    bool quiet = false;
  };
  auto o = std::make_shared<Options>();
  app.add_option("folder", o->folder, "A study's folder, or a single run's")->required();
  app.add_option("-o,--output", o->output,
                 "Folder to write report.html, report.md, tables/ and charts/ to; else FOLDER itself");
  app.add_flag("-q,--quiet", o->quiet, "Do not say what was written");
  return [o] {
    const std::filesystem::path output = o->output.empty() ? o->folder : o->output;
    try {
      const auto document = page::report_on(o->folder);
      page::write_report(document, output);
      if (!o->quiet)
        print("{}\n{}\n", config::printable(document.subtitle, true), (output / "report.html").string());
    } catch (const figures::ReportError& e) {
      throw UsageError(e.what());
    }
    return 0;
  };
}

}  // namespace afu::cli
