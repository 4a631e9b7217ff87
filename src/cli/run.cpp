#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/launch.hpp"
#include "cli/execute.hpp"
#include "cli/interrupts.hpp"
#include "cli/loading.hpp"
#include "cli/node_options.hpp"
#include "cli/resume.hpp"
#include "cli/scenario_options.hpp"
#include "cli/terminal.hpp"
#include "cli/verb.hpp"
#include "config/ineffective.hpp"
#include "config/scenario.hpp"
#include "config/writer.hpp"
#include "methods/registry.hpp"
#include "page/progress.hpp"
#include "page/table.hpp"
#include "record/records.hpp"
#include "record/run_folder.hpp"

namespace afu::cli {
namespace {

struct Options {
  ScenarioOptions scenario;
  NodesAsked nodes;
  std::string output;
  bool force = false, fresh = false, quiet = false;
};

std::string goal_text(const config::StopSection& stop) {
  std::string text;
  const auto add = [&](bool given, const std::string& limit) {
    if (given) text += (text.empty() ? "" : " or ") + limit;
  };
  add(stop.updates > 0, fmt::format("{} updates", stop.updates));
  add(stop.rounds > 0, fmt::format("{} rounds", stop.rounds));
  add(stop.seconds > 0, fmt::format("{} s of its clock", stop.seconds));
  return text;
}

/// What is about to happen, before the data are loaded.
std::string plan_text(const config::Scenario& s, const std::string& folder) {
  const bool trains = s.scenario.execute == config::Execute::train;
  return fmt::format("{}: {} clients {} by {} until {}; {} erasure{} by {}; into {}", s.scenario.name,
                     s.partition.clients,
                     trains ? "train " + config::name_of(s.model.name) : "take their time (timing only)",
                     config::name_of(s.training.rule), goal_text(s.stop), s.erasures.size(),
                     s.erasures.size() == 1 ? "" : "s", s.unlearning.method, folder);
}

/// "erasure[1] of client/3 was merged; erasure[2] of class 1 was called erased": what its end came before. Empty: nothing.
std::string open_requests(const record::Summary& s) {
  std::string text;
  for (const auto& e : s.erasures) {
    if (e.outcome == record::RequestOutcome::refused || e.forgotten_at) continue;
    const auto who = e.client >= 0 ? fmt::format("client/{}", e.client) : fmt::format("class {}", e.label);
    text += fmt::format("{}erasure[{}] of {} was {}", text.empty() ? "" : "; ", e.request, who,
                        e.outcome == record::RequestOutcome::merged ? "called erased" : "merged");
  }
  return text;
}

/// As a word of a shell's command.
std::string shell_word(const std::string& text) {
  const auto plain = [](unsigned char c) { return std::isalnum(c) || std::strchr("-_./=+,:@%", c); };
  if (!text.empty() && text[0] != '-' && std::all_of(text.begin(), text.end(), plain)) return text;
  std::string word = text.rfind('-', 0) == 0 ? "'./" : "'";
  for (char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

/// What other threads would have told, which is told by one.
class Lines {
 public:
  void put(const std::string& line) {
    const std::lock_guard<std::mutex> lock(mutex_);
    lines_.push_back(line);
  }
  std::vector<std::string> take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(lines_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// The folder, and what of a run in it goes on.
std::pair<record::RunFolder, std::optional<Unfinished>> place_of(const Options& o,
                                                                 const config::Scenario& scenario) {
  const auto name =
      scenario.output.folder.empty() ? "runs/" + scenario.scenario.name : scenario.output.folder;
  const auto& path = o.output.empty() ? name : o.output;
  if (o.force) return {record::RunFolder::examine(path, true), std::nullopt};
  if (o.fresh) return {record::RunFolder::examine(path, was_stopped(path)), std::nullopt};
  auto unfinished = find_unfinished(path, scenario);
  auto folder =
      unfinished ? record::RunFolder::examine_to_go_on(path) : record::RunFolder::examine(path, false);
  return {std::move(folder), std::move(unfinished)};
}

int run(const Options& o, const config::Scenario& given) {
  const auto scenario = config::with_absolute_paths(given);
  auto nodes = node_options(scenario);
  auto [folder, unfinished] = place_of(o, scenario);
  for (const auto& note : given.notes) tell("afu: warning: {}\n", note.line());
  for (const auto& line : config::ineffective(given, methods::method_sections()))
    tell("afu: warning: {}\n", line);
  if (!o.quiet) tell("afu: {}\n", plan_text(scenario, folder.root().string()));
  if (unfinished && !unfinished->held.damage.empty())
    tell("afu: warning: {}: what came after the last whole checkpoint is computed again\n",
         unfinished->held.damage);
  if (unfinished && !o.quiet) tell("afu: {}\n", going_on(*unfinished));

  page::ProgressLine progress({static_cast<std::uint64_t>(scenario.stop.updates), scenario.stop.seconds},
                              o.quiet);
  bool told = o.quiet;
  actors::RunOptions options;
  options.nodes = std::move(nodes);
  Lines of_nodes;
  options.nodes.tell = [&](const std::string& line) { of_nodes.put(line); };
  options.interrupt = &Interrupts::asked();
  options.hurry = &Interrupts::hurried();
  options.prepared = [] { Interrupts::take(); };
  if (!o.quiet) options.loading = loading_lines();
  options.progress = [&](const actors::Progress& p) {
    progress.update(p.updates, p.now, p.waited_for);
    for (const auto& line : of_nodes.take()) {
      if (o.quiet) continue;  // what counts is a warning at the end
      progress.clear();
      tell("afu: {}\n", line);
    }
    if (told || !Interrupts::asked()) return;
    told = true;
    progress.clear();
    tell("afu: interrupted: measures the last version and ends; without measuring at the next signal\n");
  };
  const auto result = execute(scenario, folder, options, std::move(unfinished));
  progress.clear();
  const auto interrupted = [&, &root = folder.root()] {
    std::error_code none;
    if (!o.quiet && std::filesystem::exists(root / record::checkpoint_name, none))
      tell("afu: interrupted; the same command goes on where it stopped\n");
    return Interrupts::status();
  };
  if (result.on_its_way) return interrupted();
  const auto& summary = result.summary;

  for (const auto& warning : result.warnings) tell("afu: warning: {}\n", warning);
  if (!o.quiet) {
    for (const auto& note : result.notes) tell("afu: note: {}\n", note);
    print("{}", page::final_table(summary));
    print("\n{} events, {} updates, {:.2f} s simulated, {:.2f} s real; {}\n", summary.events, summary.updates,
          summary.virtual_seconds, summary.wall_seconds, folder.root().string());
    if (summary.overrun_share)
      print("overrun share {:.3f}: jobs whose computation took longer than modelled\n",
            *summary.overrun_share);
    print("its report: afu report {}\n", shell_word(folder.root().string()));
  }
  if (!result.report.failure.empty()) {
    tell("afu: the run failed: {}\n", result.report.failure);
    return 1;
  }
  if (summary.divergence) {
    tell("afu: the run diverged: {}\n", to_string(*summary.divergence));
    return 1;
  }
  if (result.report.interrupted) return interrupted();
  if (summary.ended != "completed") {
    tell("afu: {}\n", summary.ended);
    return 1;
  }
  const auto open = open_requests(summary);
  if (!open.empty()) tell("afu: the run ended before {}\n", open);
  return open.empty() ? 0 : 3;
}

}  // namespace

std::function<int()> declare_run(CLI::App& app) {
  auto o = std::make_shared<Options>();
  o->scenario.declare(app);
  o->nodes.declare(app);
  app.add_option("-o,--output", o->output, "Folder to write; overrides output.folder");
  app.add_flag("--force", o->force, "Replace a run that the folder holds");
  app.add_flag("--fresh", o->fresh, "Begin anew where the folder holds a run that was stopped");
  app.add_flag("-q,--quiet", o->quiet, "No progress, no notes, no table: only warnings and errors");
  return [o] {
    auto given = o->scenario.load();
    o->nodes.put_into(given);
    return at_its_place(o->scenario, [&] { return run(*o, given); });
  };
}

}  // namespace afu::cli
