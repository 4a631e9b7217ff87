#include "cli/study_worker.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <charconv>
#include <chrono>
#include <set>
#include <system_error>
#include <thread>

#include "base/host.hpp"
#include "base/limits.hpp"
#include "base/sha256.hpp"
#include "cli/interrupts.hpp"
#include "cli/terminal.hpp"
#include "cli/verb.hpp"
#include "record/lease.hpp"
#include "record/run_folder.hpp"

namespace afu::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

bool is_complete(const fs::path& cell) {
  std::error_code ignored;
  return fs::exists(cell / "files.json", ignored) && has_completed(cell);
}

bool has_failed(const fs::path& cell) {
  std::error_code ignored;
  return fs::exists(cell / "failure.txt", ignored);
}

std::string digest_of(const std::string& text) {
  base::Sha256 sha;
  sha.update(text.data(), text.size());
  return sha.hex().substr(0, 8);
}

/// Shows the others that this process lives, and stops its cells when the user asks for the end or when others have taken over
/// what it held.
class Heart {
 public:
  Heart(record::Leases& leases, double patience)
      : leases_(leases), between_(patience / beats_of_patience), thread_([this] { live(); }) {}
  ~Heart() {
    over_ = true;
    thread_.join();
  }
  Heart(const Heart&) = delete;
  Heart& operator=(const Heart&) = delete;

  const std::atomic<bool>& stop() const { return stop_; }
  /// To be called once the cells have stopped: whether that was since leases were lost.
  bool take_loss() {
    if (!lost_.exchange(false)) return false;
    stop_ = Interrupts::asked().load();
    return true;
  }
  /// Returns after the next beat, or when the user asks for the end.
  void wait() const {
    const auto seen = beats_.load();
    while (beats_ == seen && !Interrupts::asked()) std::this_thread::sleep_for(step);
  }

 private:
  static constexpr std::chrono::milliseconds step{50};

  void live() {
    auto last = Clock::now();
    while (!over_) {
      std::this_thread::sleep_for(step);
      if (Interrupts::asked()) stop_ = true;
      if (std::chrono::duration<double>(Clock::now() - last).count() < between_) continue;
      last = Clock::now();
      leases_.beat();
      ++beats_;
      for (const auto& name : leases_.lost()) {
        log(Level::warning, "{}: another worker has taken this over, since this one gave no sign of life",
            name);
        lost_ = true;
        stop_ = true;
      }
    }
  }

  record::Leases& leases_;
  double between_;
  std::atomic<bool> over_{false}, stop_{false}, lost_{false};
  std::atomic<std::uint64_t> beats_{0};
  std::thread thread_;  // last: it uses all of the others
};

class Worker {
 public:
  Worker(const study::Plan& plan, const StudyFolder& held, StudyOptions options, const WorkerOptions& worker)
      : plan_(plan),
        held_(held),
        options_(std::move(options)),
        worker_(worker),
        names_(lease_names(plan)),
        leases_(lease_folder(options_.folder), holder_name(), beats_of_patience),
        heart_(leases_, worker.patience) {
    options_.interrupt = &heart_.stop();
    options_.begin_group = [this](auto group, const auto& cells) { return begin(group, cells); };
    options_.end_group = [this](auto group) { end(group); };
  }

  WorkerOutcome run() {
    bool told = false;
    while (!Interrupts::asked()) {
      const auto open = open_cells();
      if (open.empty()) break;
      const auto free = free_cells(open);
      if (!free.empty()) {
        told = false;
        if (round(free) == 0) heart_.wait();
        continue;
      }
      if (worker_.leave) break;
      if (!std::exchange(told, true))
        log(Level::info, "nothing is left to begin; others hold {} groups: this one waits, should they die",
            others().size());
      heart_.wait();
    }
    for (const auto& lease : leases_.held())
      if (lease.mine) leases_.leave(lease.name);
    outcome_.study.interrupted = Interrupts::asked();
    count();
    return outcome_;
  }

 private:
  /// Of the shard: those that were not complete when this worker began, of groups that nobody has ended since.
  std::vector<std::size_t> open_cells() const {
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < plan_.cells.size(); ++i) {
      const auto group = plan_.cells[i].group;
      if (worker_.shard.has(group) && held_.cells[i].kind != CellState::Kind::complete &&
          !leases_.has_ended(names_[group]))
        open.push_back(i);
    }
    return open;
  }

  fs::path folder_of(std::size_t i) const { return options_.folder / plan_.cells[i].folder; }

  std::vector<std::size_t> free_cells(const std::vector<std::size_t>& open) const {
    std::set<std::string> mine;
    for (const auto& lease : leases_.held())
      if (lease.mine) mine.insert(lease.name);
    std::vector<std::size_t> out;
    for (auto i : open) {
      const auto& name = names_[plan_.cells[i].group];
      if (mine.count(name) || leases_.is_free(name)) out.push_back(i);
    }
    return out;
  }

  std::vector<std::string> others() const {
    std::vector<std::string> out;
    for (const auto& lease : leases_.held())
      if (!lease.mine && std::find(names_.begin(), names_.end(), lease.name) != names_.end())
        out.push_back(lease.name);
    return out;
  }

  /// Returns how many cells were run.
  std::size_t round(const std::vector<std::size_t>& cells) {
    options_.complete = count_cells(plan_, options_.folder).complete;
    auto now = run_cells(plan_, options_, cells);
    auto& all = outcome_.study;
    all.cells = now.cells;
    all.ran += now.ran;
    all.jobs_computed += now.jobs_computed;
    all.jobs_shared += now.jobs_shared;
    for (auto& f : now.failures) all.failures.push_back(std::move(f));
    for (const auto& b : now.busy)
      if (told_.insert(b).second) log(Level::warning, "{}", b);
    heart_.take_loss();
    return now.ran;
  }

  std::optional<std::vector<std::size_t>> begin(std::size_t group, const std::vector<std::size_t>& cells) {
    std::string from;
    if (!leases_.take(names_[group], &from)) return std::nullopt;
    if (!from.empty())
      log(Level::warning, "{}: taken over from {}, which gives no sign of life", names_[group], from);
    std::vector<std::size_t> open;  // others may have been here since this worker looked
    for (auto i : cells)
      if (examine_cell(plan_.cells[i], options_.folder).kind != CellState::Kind::complete) open.push_back(i);
    return open;
  }

  void end(std::size_t group) {
    bool done = true;
    for (std::size_t i = 0; i < plan_.cells.size(); ++i)
      if (plan_.cells[i].group == group)
        done = done && (is_complete(folder_of(i)) || has_failed(folder_of(i)));
    done ? leases_.end(names_[group]) : leases_.leave(names_[group]);
  }

  void count() {
    leases_.beat();
    outcome_.held_by_others = others().size();
    outcome_.now = count_cells(plan_, options_.folder);
    outcome_.whole =
        outcome_.now.complete + outcome_.now.failed == plan_.cells.size() && outcome_.held_by_others == 0;
  }

  const study::Plan& plan_;
  const StudyFolder& held_;
  StudyOptions options_;
  WorkerOptions worker_;
  std::vector<std::string> names_;
  std::set<std::string> told_;
  WorkerOutcome outcome_;
  record::Leases leases_;
  Heart heart_;
};

}  // namespace

Shard parse_shard(const std::string& text) {
  Shard shard;
  const auto* const begin = text.data();
  const auto* const end = begin + text.size();
  const auto index = std::from_chars(begin, end, shard.index);
  const bool slash = index.ec == std::errc() && index.ptr != end && *index.ptr == '/';
  const auto count = slash ? std::from_chars(index.ptr + 1, end, shard.count) : index;
  if (!slash || count.ec != std::errc() || count.ptr != end || shard.index < 1 || shard.index > shard.count)
    throw UsageError(fmt::format("--shard: '{}' is no part of a whole: 1/4, 2/4, 3/4 or 4/4 of four", text));
  return shard;
}

std::vector<std::string> lease_names(const study::Plan& plan) {
  std::vector<std::string> names(plan.groups);
  for (const auto& cell : plan.cells) {
    auto& name = names[cell.group];
    if (!name.empty()) continue;
    // The folder may hold what no file name may, and be longer than one; its digest tells apart what looks alike.
    for (const char c : cell.folder)
      name += std::isalnum(static_cast<unsigned char>(c)) || c == '=' || c == '-' || c == '_' ? c : '_';
    if (name.size() > 80) name.resize(80);
    name += "-" + digest_of(cell.folder);
  }
  return names;
}

std::string holder_name() {
  auto name = fmt::format("process {} on {}", ::getpid(), base::host_info().name);
  const auto array = base::environment_variable("SLURM_ARRAY_JOB_ID"),
             task = base::environment_variable("SLURM_ARRAY_TASK_ID"),
             job = base::environment_variable("SLURM_JOB_ID");
  if (!array.empty() && !task.empty())
    name += fmt::format(", task {} of Slurm job {}", task, array);
  else if (!job.empty())
    name += ", Slurm job " + job;
  return name;
}

fs::path lease_folder(const fs::path& study) { return study / "leases"; }

CellCounts count_cells(const study::Plan& plan, const fs::path& folder) {
  CellCounts counts;
  for (const auto& cell : plan.cells)
    if (const auto path = folder / cell.folder; has_failed(path))
      ++counts.failed;
    else if (is_complete(path))
      ++counts.complete;
  return counts;
}

WorkerOutcome work(const study::Plan& plan, const StudyFolder& held, StudyOptions options,
                   const WorkerOptions& worker) {
  return Worker(plan, held, std::move(options), worker).run();
}

void refuse_another_form(const study::Plan& plan, const fs::path& folder) {
  if (!is_of_another_form(plan, folder)) return;
  const auto held = record::Leases(lease_folder(folder), holder_name(), beats_of_patience).held();
  if (held.empty()) return;
  throw record::RunFolderError(fmt::format(
      "output folder '{}' holds another form of this study, and {} of its groups are held, the first by {}: wait until they are "
      "done, or choose another folder; where nobody works on them any more, remove '{}'",
      folder.string(), held.size(), held.front().holder, lease_folder(folder).string()));
}

bool in_turn(const fs::path& study, const std::function<void()>& write_report) {
  record::Leases leases(lease_folder(study), holder_name(), beats_of_patience);
  if (!leases.take("report")) return false;
  try {
    write_report();
  } catch (...) {
    leases.leave("report");
    throw;
  }
  leases.end("report");
  return true;
}

}  // namespace afu::cli
