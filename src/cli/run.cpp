#include <fmt/core.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <memory>

#include "actors/launch.hpp"
#include "cli/scenario_options.hpp"
#include "cli/verb.hpp"
#include "compute/devices.hpp"
#include "compute/prepare_model.hpp"
#include "config/writer.hpp"
#include "record/host.hpp"
#include "record/run_folder.hpp"
#include "record/summary.hpp"
#include "report/progress.hpp"
#include "report/table.hpp"
#include "unlearn/registry.hpp"

namespace afu::cli {
namespace {

std::atomic<bool> interrupt{false};

struct Options {
  ScenarioOptions scenario;
  std::string output;
  bool force = false, quiet = false;
};

void write_scenario(const record::RunFolder& folder, const config::Scenario& s) {
  const auto path = folder.path("scenario.toml");
  std::ofstream out(path);
  out << config::to_toml(s, unlearn::method_sections());
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path.string());
}

int run(const Options& o) {
  auto scenario = config::with_absolute_paths(o.scenario.load());
  const auto name =
      scenario.output.folder.empty() ? "runs/" + scenario.scenario.name : scenario.output.folder;
  const auto started = record::utc_now();
  const auto folder = record::RunFolder::create(o.output.empty() ? name : o.output, o.force);
  write_scenario(folder, scenario);

  // A second SIGINT ends the process at once.
  std::signal(SIGINT, [](int) {
    interrupt = true;
    std::signal(SIGINT, SIG_DFL);
  });
  std::signal(SIGTERM, [](int) { interrupt = true; });

  report::ProgressLine progress({static_cast<std::uint64_t>(scenario.stop.updates), scenario.stop.seconds},
                                o.quiet);
  actors::RunOptions options;
  const bool training = scenario.scenario.execute == config::Execute::train;
  if (scenario.output.events) options.files.events = folder.path("events.jsonl");
  if (scenario.output.trace) options.files.trace = folder.path("trace.json");
  if (training) options.files.metrics = folder.path("metrics.csv");
  options.interrupt = &interrupt;
  options.progress = [&](const actors::Progress& p) { progress.update(p.updates, p.now); };
  auto result = actors::run_scenario(scenario, options);
  progress.clear();

  auto& summary = result.summary;
  summary.started = started;
  summary.revision = compute::revision();
  auto versions = compute::library_versions();
  versions.emplace_back("CAF", "0.17.6");
  record::write_summary(folder, summary, versions);
  if (training && scenario.output.model && result.report.outcome.model)
    compute::save(scenario.model, {result.channels, result.height, result.width, result.classes},
                  result.report.outcome.model, folder.path("model.pt"));

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
