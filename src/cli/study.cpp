/// afu study: many runs from one file.
#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/distances.hpp"
#include "cli/interrupts.hpp"
#include "cli/node_options.hpp"
#include "cli/number_in.hpp"
#include "cli/scenario_options.hpp"
#include "cli/study_estimate.hpp"
#include "cli/study_folder.hpp"
#include "cli/study_lines.hpp"
#include "cli/study_nodes.hpp"
#include "cli/study_runner.hpp"
#include "cli/study_slurm.hpp"
#include "cli/study_watch.hpp"
#include "cli/study_worker.hpp"
#include "cli/terminal.hpp"
#include "cli/verb.hpp"
#include "data/federated.hpp"
#include "page/report.hpp"
#include "record/run_folder.hpp"

namespace afu::cli {
namespace {

using Kind = CellState::Kind;

struct Options {
  std::string file, output;
  NodesAsked nodes;
  int jobs = 0;
  double cache_mb = 2048;
  bool plan = false, force = false, rerun_changed = false, quiet = false;
  bool worker = false, leave = false, watch = false, sbatch = false, submit = false;
  std::string shard;
  double patience = 60;
  int array = 1;
  CLI::Option *patience_option = nullptr, *array_option = nullptr;
  bool shared() const { return worker || !shard.empty(); }
};

std::string command_of(const Options& o) {
  return "afu study " + o.file + (o.output.empty() ? "" : " -o " + o.output);
}

const char* word(Kind kind) {
  switch (kind) {
    case Kind::open:
      return "open";
    case Kind::complete:
      return "complete";
    case Kind::damaged:
      return "damaged";
    case Kind::changed:
      return "changed";
  }
  return "unknown";
}

bool has_nodes(const study::Plan& plan) {
  return std::any_of(plan.cells.begin(), plan.cells.end(),
                     [](const auto& cell) { return !cell.scenario.compute.nodes.empty(); });
}

/// Loads the data of the cells that have no result in `folder` (of all where `force`), each set once, so that what cannot be used is
/// told before anything is written. Generated data cannot fail.
void require_data(const study::Plan& plan, const std::filesystem::path& folder, bool force) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& cell : plan.cells) {
    const auto& s = cell.scenario;
    std::error_code ignored;
    if (s.scenario.execute == config::Execute::timing || s.data.source == config::DataSource::phantom ||
        (!force && std::filesystem::exists(folder / cell.folder / "files.json", ignored)) ||
        !seen.emplace(s.data.path, s.file).second)
      continue;
    const ScenarioOptions base{s.file, {}};
    const auto load = [&] {
      data::load_source(s.data, s.scenario.seed, s.file);
      return 0;
    };
    if (base.load().data.path == s.data.path)
      at_its_place(base, load);
    else
      load();
  }
}

/// The cells that are to be run.
std::vector<std::size_t> open_cells(const StudyFolder& held, bool force) {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < held.cells.size(); ++i)
    if (force || held.cells[i].kind != Kind::complete) open.push_back(i);
  return open;
}

std::vector<std::string> notes_of(const study::Plan& plan, const StudyFolder& held) {
  auto notes = held.notes;
  notes.insert(notes.end(), plan.notes.begin(), plan.notes.end());
  for (const auto& [claim, why] : plan.study.claims_left_out)
    notes.push_back("the claim " + claim + " is not judged: " + why);
  return notes;
}

void refuse(const StudyFolder& held) {
  if (!held.refusal.empty()) throw record::RunFolderError(held.refusal);
}

int show_plan(const study::Plan& plan, const StudyFolder& held, const StudyOptions& options,
              const Options& o) {
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    const auto& state = held.cells[i];
    std::string text;
    if (state.kind != Kind::open) text = word(state.kind);
    if (!state.why.empty()) text += (text.empty() ? "" : ": ") + state.why;
    print("{}{}\n", plan.cells[i].folder, text.empty() ? "" : "  (" + text + ")");
  }
  print("\n{} cells in {} groups that share a past; {} complete in {}", plan.cells.size(), plan.groups,
        held.count(Kind::complete), options.folder.string());
  for (const auto kind : {Kind::damaged, Kind::changed})
    if (const auto n = held.count(kind); n > 0) print(", {} {}", n, word(kind));
  print("\n");
  for (const auto& warning : plan.warnings) tell("afu: warning: {}\n", warning);
  for (const auto& note : notes_of(plan, held)) tell("afu: note: {}\n", note);
  refuse(held);
  const auto open = open_cells(held, o.force);
  if (open.empty()) return print("nothing is left to run\n"), 0;
  const auto e = estimate(plan, open, runners_for(open.size(), o.jobs));
  if (e.samples_per_second > 0)
    print(
        "about {} on {} runners: {:.3g} sample gradients to compute, {:.3g} more are shared; one lane "
        "trains {:.0f} samples/s here{}\n",
        clock_text(e.seconds), e.jobs, e.gradients, e.shared_gradients, e.samples_per_second,
        has_nodes(plan) ? "; lanes of nodes are not counted" : "");
  else
    print("nothing is trained: the protocol alone takes microseconds an event\n");
  return 0;
}

void tell_beginning(const study::Plan& plan, const StudyFolder& held, const StudyOptions& options,
                    const Options& o, const std::vector<std::size_t>& open) {
  for (const auto& warning : plan.warnings) log(Level::warning, "{}", warning);
  if (!o.quiet) {
    for (const auto& note : notes_of(plan, held)) log(Level::info, "note: {}", note);
    log(Level::info, "{}: {} cells in {} groups, {} complete before, {} at a time, into {}", plan.study.name,
        plan.cells.size(), plan.groups, plan.cells.size() - open.size(), runners_for(open.size(), o.jobs),
        options.folder.string());
  }
  for (auto i : open)
    if (held.cells[i].kind == Kind::damaged)
      log(Level::warning, "{} is damaged and is run anew: {}", plan.cells[i].folder, held.cells[i].why);
}

void tell_shared_jobs(const StudyOutcome& outcome, const Options& o) {
  if (!o.quiet && outcome.jobs_shared > 0)
    print("of the common pasts {} jobs were computed and {} taken over\n", outcome.jobs_computed,
          outcome.jobs_shared);
}

int tell_interrupted() {
  tell("afu: interrupted; the same command goes on where it stopped\n");
  return Interrupts::status();
}

int tell_failures(const StudyOutcome& outcome) {
  if (outcome.failures.empty()) return 0;
  tell("afu: {} of {} cells failed:\n", outcome.failures.size(), outcome.cells);
  for (const auto& failure : outcome.failures) tell("  {}\n", failure);
  return 1;
}

void write_whole_report(const study::Plan& plan, const StudyOptions& options, const Options& o) {
  for (const auto& left_out : write_distances(plan, options.folder))
    log(Level::warning, "distances: {}", left_out);
  page::write_report(page::report_on(options.folder), options.folder);
  if (!o.quiet) print("report: {}\n", (options.folder / "report.html").string());
}

/// Prints the script of a Slurm job, or hands it over.
int slurm(const study::Plan& plan, const StudyOptions& options, const Options& o) {
  const auto held = examine(plan, options.folder, o.rerun_changed);
  refuse(held);
  const auto open = open_cells(held, false);
  if (open.empty()) return print("nothing is left to run\n"), 0;
  SlurmJob job;
  job.study = plan.study.name;
  job.file = o.file;
  job.folder = options.folder;
  job.array = o.array;
  job.patience = o.patience;
  job.rerun_changed = o.rerun_changed;
  const auto script = slurm_script(with_needs(std::move(job), plan, open, o.jobs, options.cache_bytes));
  if (!o.submit) return print("{}", script), 0;
  return submit(script, options.folder);
}

/// As one of several processes.
int run_shared(const study::Plan& plan, StudyOptions options, const Options& o, bool rerun_changed) {
  WorkerOptions worker;
  if (!o.shard.empty()) worker.shard = parse_shard(o.shard);
  worker.leave = o.leave || !o.shard.empty();
  worker.patience = o.patience;
  require_data(plan, options.folder, false);
  const auto lock = lock_study_folder(options.folder, record::FolderLock::Sharing::shared);
  const auto held = examine(plan, options.folder, rerun_changed);
  refuse(held);
  refuse_another_form(plan, options.folder);
  if (!open_cells(held, false).empty()) require_nodes(plan);
  write_manifest(plan, options.folder, command_of(o));
  Interrupts::take();
  tell_beginning(plan, held, options, o, open_cells(held, false));
  Lines lines(o.quiet);
  lines.listen_to(options);
  const auto outcome = work(plan, held, options, worker);
  if (!o.quiet)
    print("{} cells: {} run here, {} complete, {} failed, {} groups held by others; {}\n", plan.cells.size(),
          outcome.study.ran, outcome.now.complete, outcome.now.failed, outcome.held_by_others,
          options.folder.string());
  tell_shared_jobs(outcome.study, o);
  if (outcome.study.interrupted) return tell_interrupted();
  if (!outcome.whole) {
    if (!o.quiet)
      print("whoever ends last writes the report; else: afu report {}\n", options.folder.string());
  } else if (!in_turn(options.folder, [&] { write_whole_report(plan, options, o); }) && !o.quiet) {
    print("another worker writes the report\n");
  }
  return tell_failures(outcome.study);
}

/// Options of which others make no use.
void refuse_unused(const Options& o) {
  const bool job = o.sbatch || o.submit;
  if (o.leave && !o.shared()) throw UsageError("--leave goes with --worker");
  if (o.array_option->count() > 0 && !job) throw UsageError("--array goes with --sbatch or --submit");
  if (o.patience_option->count() > 0 && !(o.shared() || o.watch || job))
    throw UsageError("--patience goes with --worker, --shard, --watch, --sbatch or --submit");
  if (o.watch + o.plan + o.shared() + job > 1)
    throw UsageError("of --plan, --watch, --worker or --shard, and --sbatch or --submit one at a time");
}

int run(Options o) {
  refuse_unused(o);
  config::Errors errors;
  auto study = study::load_study(o.file, errors);
  auto plan = study::make_plan(std::move(study), errors);
  for (auto& cell : plan.cells) o.nodes.put_into(cell.scenario);
  if ((o.sbatch || o.submit) && o.nodes.nodes)
    throw UsageError(
        "--nodes is of this process alone: name them by compute.nodes in the study, for its tasks");
  const bool elsewhere = o.sbatch || o.submit;  // whose allocation there is not yet
  if (!o.watch && !elsewhere) o.jobs = jobs_by_nodes(plan, o.jobs);
  StudyOptions options;
  options.folder = o.output.empty() ? "runs/" + plan.study.name : o.output;
  options.jobs = o.jobs;
  options.cache_bytes = static_cast<std::uint64_t>(o.cache_mb * 1e6);
  options.fresh = o.force;
  options.interrupt = &Interrupts::asked();
  options.hurry = &Interrupts::hurried();
  const bool rerun_changed = o.rerun_changed || o.force;
  if (o.force && (o.shared() || o.sbatch || o.submit))
    throw UsageError(
        "--force: several workers would each run everything; run the study once with --force alone, or into another folder");
  if (o.plan) return show_plan(plan, examine(plan, options.folder, rerun_changed), options, o);

  if (o.watch) return watch_study(plan, options.folder, o.patience);
  if (o.sbatch || o.submit) return slurm(plan, options, o);
  if (o.shared()) return run_shared(plan, options, o, rerun_changed);

  require_data(plan, options.folder, o.force);
  const auto lock = lock_study_folder(options.folder);
  const auto held = examine(plan, options.folder, rerun_changed);
  refuse(held);
  const auto open = open_cells(held, o.force);
  if (!open.empty()) require_nodes(plan);
  write_manifest(plan, options.folder, command_of(o));
  Interrupts::take();
  tell_beginning(plan, held, options, o, open);
  Lines lines(o.quiet);
  lines.listen_to(options);
  const auto outcome = run_cells(plan, options, open);
  if (!o.quiet)
    print("{} cells: {} run now, {} complete before, {} failed; {}\n", plan.cells.size(), outcome.ran,
          plan.cells.size() - open.size(), outcome.failures.size(), options.folder.string());
  tell_shared_jobs(outcome, o);
  if (outcome.interrupted) return tell_interrupted();
  write_whole_report(plan, options, o);
  return tell_failures(outcome);
}

}  // namespace

std::function<int()> declare_study(CLI::App& app) {
  auto o = std::make_shared<Options>();
  app.add_option("study", o->file, "Study file (TOML)")->required();
  app.add_option("-o,--output", o->output, "Folder to write; runs/<study name> where it is not given");
  app.add_option("-j,--jobs", o->jobs, "Cells at a time; as many as cores where it is not given")
      ->check(CLI::Range(1, 4096));
  app.add_option("--cache-mb", o->cache_mb, "Memory for results that the cells of a group share")
      ->check(number_in(0, 1e9));
  app.add_flag("--plan", o->plan, "Only print the cells and the estimated time");
  app.add_flag("--force", o->force, "Run complete cells again");
  app.add_flag(
      "--rerun-changed", o->rerun_changed,
      "Run finished cells again whose scenario or data changed; without it they are a reason to refuse");
  app.add_flag(
      "--worker", o->worker,
      "Work on the study beside other such processes, on this machine or on others that see the folder");
  app.add_option("--shard", o->shard,
                 "I/N: as --worker, but only the I-th of N parts of the study, and end with it");
  app.add_flag("--leave", o->leave, "End when nothing is left to begin, though other workers still work");
  o->patience_option =
      app.add_option("--patience", o->patience,
                     "Seconds without a sign of life after which other workers take over what one held")
          ->check(number_in(1, 86400))
          ->capture_default_str();
  app.add_flag("--watch", o->watch, "Only tell how far all workers are, until the study is complete");
  app.add_flag("--sbatch", o->sbatch, "Print a Slurm job script whose tasks are workers");
  app.add_flag("--submit", o->submit, "Hand that script to sbatch");
  o->array_option = app.add_option("--array", o->array, "Tasks of the job")
                        ->check(CLI::Range(1, 100000))
                        ->capture_default_str();
  o->nodes.declare(app, "--node-patience");
  app.add_flag("-q,--quiet", o->quiet, "No progress, no notes: only warnings, failures and damaged cells");
  return [o] { return run(*o); };
}

}  // namespace afu::cli
