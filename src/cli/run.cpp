#include <fmt/core.h>

#include <atomic>
#include <csignal>
#include <memory>

#include "actors/launch.hpp"
#include "cli/execute.hpp"
#include "cli/scenario_options.hpp"
#include "cli/verb.hpp"
#include "config/writer.hpp"
#include "record/run_folder.hpp"
#include "report/progress.hpp"
#include "report/table.hpp"

namespace afu::cli {
namespace {

std::atomic<bool> interrupt{false};

struct Options {
  ScenarioOptions scenario;
  std::string output;
  bool force = false, quiet = false;
};

int run(const Options& o) {
  auto scenario = config::with_absolute_paths(o.scenario.load());
  const auto name =
      scenario.output.folder.empty() ? "runs/" + scenario.scenario.name : scenario.output.folder;
  const auto folder = record::RunFolder::create(o.output.empty() ? name : o.output, o.force);

  // A second SIGINT ends the process at once.
  std::signal(SIGINT, [](int) {
    interrupt = true;
    std::signal(SIGINT, SIG_DFL);
  });
  std::signal(SIGTERM, [](int) { interrupt = true; });

  report::ProgressLine progress({static_cast<std::uint64_t>(scenario.stop.updates), scenario.stop.seconds},
                                o.quiet);
  actors::RunOptions options;
  options.interrupt = &interrupt;
  options.progress = [&](const actors::Progress& p) { progress.update(p.updates, p.now); };
  const auto result = execute(scenario, folder, options);
  progress.clear();
  const auto& summary = result.summary;

  for (const auto& note : result.notes) fmt::print(stderr, "afu: note: {}\n", note);
  if (!o.quiet) {
    fmt::print("{}", report::final_table(summary));
    fmt::print("\n{} events, {} updates, {:.2f} s simulated, {:.2f} s real; {}\n", summary.events,
               summary.updates, summary.virtual_seconds, summary.wall_seconds, folder.root().string());
    if (summary.overrun_share)
      fmt::print("overrun share {:.3f}: jobs whose computation took longer than modelled\n",
                 *summary.overrun_share);
  }
  if (!result.report.failure.empty()) {
    fmt::print(stderr, "afu: the run failed: {}\n", result.report.failure);
    return 1;
  }
  if (result.report.interrupted) return 130;
  if (summary.ended != "completed") {
    fmt::print(stderr, "afu: {}\n", summary.ended);
    return 1;
  }
  return 0;
}

}  // namespace

std::function<int()> declare_run(CLI::App& app) {
  auto o = std::make_shared<Options>();
  o->scenario.declare(app);
  app.add_option("-o,--output", o->output, "Folder to write; overrides output.folder");
  app.add_flag("--force", o->force, "Replace a run that the folder holds");
  app.add_flag("-q,--quiet", o->quiet, "No progress line, no table");
  return [o] { return run(*o); };
}

}  // namespace afu::cli
