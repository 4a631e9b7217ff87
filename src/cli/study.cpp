/// afu study: many runs from one file.
#include <fmt/core.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <csignal>
#include <memory>

#include "cli/distances.hpp"
#include "cli/study_estimate.hpp"
#include "cli/study_runner.hpp"
#include "cli/verb.hpp"
#include "report/report.hpp"

namespace afu::cli {
namespace {

std::atomic<bool> interrupt{false};

struct Options {
  std::string file, output;
  int jobs = 0;
  double cache_mb = 2048;
  bool plan = false, force = false, quiet = false;
};

std::string clock_text(double seconds) {
  const auto s = static_cast<std::int64_t>(seconds + 0.5);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
                   : fmt::format("{}:{:02}", s / 60, s % 60);
}

/// With the time of day: a study runs overnight.
std::shared_ptr<spdlog::logger> study_log() {
  auto log =
      std::make_shared<spdlog::logger>("study", std::make_shared<spdlog::sinks::stderr_color_sink_st>());
  log->set_pattern("%H:%M:%S %^%l%$ %v");
  return log;
}

std::string command_of(const Options& o) {
  return "afu study " + o.file + (o.output.empty() ? "" : " -o " + o.output);
}

int show_plan(const study::Plan& plan, const StudyOptions& options) {
  for (const auto& c : plan.cells)
    fmt::print("{}{}\n", c.folder, is_complete(options.folder / c.folder) ? "  (complete)" : "");
  const auto e = estimate(plan, options);
  fmt::print("\n{} cells in {} groups that share a past; {} complete in {}\n", plan.cells.size(), plan.groups,
             e.complete, options.folder.string());
  fmt::print(
      "about {} on {} runners: {:.3g} sample gradients to compute, {:.3g} more are shared; one lane "
      "trains {:.0f} samples/s here\n",
      clock_text(e.seconds), e.jobs, e.gradients, e.shared_gradients, e.samples_per_second);
  return 0;
}

int run(const Options& o) {
  const auto plan = study::make_plan(study::load_study(o.file));
  StudyOptions options;
  options.folder = o.output.empty() ? "runs/" + plan.study.name : o.output;
  options.jobs = o.jobs;
  options.cache_bytes = static_cast<std::uint64_t>(o.cache_mb * 1e6);
  options.force = o.force;
  options.interrupt = &interrupt;
  if (o.plan) return show_plan(plan, options);

  claim_study_folder(plan, options, command_of(o));
  std::signal(SIGINT, [](int) {
    interrupt = true;
    std::signal(SIGINT, SIG_DFL);
  });
  std::signal(SIGTERM, [](int) { interrupt = true; });
  const auto log = study_log();
  options.ended = [&](const StudyProgress& p, const std::string& cell, const std::string& failure) {
    if (!failure.empty()) log->error("{} failed: {}", cell, failure);
    if (o.quiet) return;
    log->info("{} / {} cells{}, {} so far, ETA {}: {}", p.done + p.failed, p.cells,
              p.failed > 0 ? fmt::format(" ({} failed)", p.failed) : "", clock_text(p.elapsed),
              clock_text(p.eta), cell);
  };
  const auto outcome = run_cells(plan, options);
  if (!o.quiet) {
    fmt::print("{} cells: {} run now, {} complete before, {} failed; {}\n", plan.cells.size(), outcome.ran,
               outcome.kept, outcome.failures.size(), options.folder.string());
    if (outcome.jobs_shared > 0)
      fmt::print("of the common pasts {} jobs were computed and {} taken over\n", outcome.jobs_computed,
                 outcome.jobs_shared);
  }
  if (!outcome.interrupted) {
    write_distances(plan, options.folder);
    report::write_report(report::report_on(options.folder), options.folder);
    if (!o.quiet) fmt::print("report: {}\n", (options.folder / "report.html").string());
  }
  if (outcome.interrupted) {
    fmt::print(stderr, "afu: interrupted; the same command goes on where it stopped\n");
    return 130;
  }
  return outcome.failures.empty() ? 0 : 1;
}

}  // namespace

std::function<int()> declare_study(CLI::App& app) {
  auto o = std::make_shared<Options>();
  app.add_option("study", o->file, "Study file (TOML)")->required();
  app.add_option("-o,--output", o->output, "Folder to write; runs/<study name> where it is not given");
  app.add_option("-j,--jobs", o->jobs, "Cells at a time; as many as cores where it is not given")
      ->check(CLI::Range(1, 4096));
  app.add_option("--cache-mb", o->cache_mb, "Memory for results that the cells of a group share")
      ->check(CLI::Range(0.0, 1e9));
  app.add_flag("--plan", o->plan, "Only print the cells and the estimated time");
  app.add_flag("--force", o->force, "Run complete cells again");
  app.add_flag("-q,--quiet", o->quiet, "No progress, only failures");
  return [o] { return run(*o); };
}

}  // namespace afu::cli
