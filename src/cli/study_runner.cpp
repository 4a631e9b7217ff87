#include "cli/study_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>

#include "base/output_file.hpp"
#include "base/threads.hpp"
#include "cli/execute.hpp"
#include "cli/node_options.hpp"
#include "cli/resume.hpp"
#include "cli/study_estimate.hpp"
#include "cli/study_nodes.hpp"
#include "config/scenario.hpp"
#include "config/writer.hpp"
#include "device/devices.hpp"
#include "lane/job_cache.hpp"
#include "record/folder_lock.hpp"

namespace afu::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// Who runs what next. Cells of a group go to one runner as long as there are other groups to begin: their
/// common past is then computed while nobody waits for it.
class Queue {
 public:
  using Begin =
      std::function<std::optional<std::vector<std::size_t>>(std::size_t, const std::vector<std::size_t>&)>;
  using Gone = std::function<void(std::size_t group, const std::vector<std::size_t>& cells, bool done)>;
  /// `begin`: as StudyOptions::begin_group. Cells that are not for this process are handed to `gone`: since they are done by now,
  /// or since another holds their group.
  Queue(const study::Plan& plan, const std::vector<std::size_t>& open, Begin begin, Gone gone)
      : begin_(std::move(begin)), gone_(std::move(gone)) {
    groups_.resize(plan.groups);
    for (auto c : open) groups_[plan.cells[c].group].cells.push_back(c);
  }

  /// The next cell for a runner that last worked on `group`, which is updated.
  std::optional<std::size_t> next(std::optional<std::size_t>& group) {
    if (group && !groups_[*group].cells.empty()) return take(*group);
    std::optional<std::size_t> best;
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      if (groups_[g].cells.empty()) continue;
      if (!groups_[g].begun) {
        if (!may_begin(g)) continue;
        best = g;
        break;
      }
      if (!best || groups_[g].cells.size() > groups_[*best].cells.size()) best = g;
    }
    if (!best) return std::nullopt;
    group = best;
    return take(*best);
  }
  std::shared_ptr<lane::JobCache> cache(std::size_t group, std::uint64_t budget) {
    auto& g = groups_[group];
    if (!g.cache) g.cache = std::make_shared<lane::JobCache>(budget);
    return g.cache;
  }
  /// A cell of `group` has ended; after the last one what the group shared is dropped, and `last` set.
  lane::JobCache::Counts ended(std::size_t group, bool& last) {
    auto& g = groups_[group];
    last = --g.running == 0 && g.cells.empty();
    if (!last) return {};
    return std::exchange(g.cache, nullptr)->counts();
  }

 private:
  struct Group {
    std::deque<std::size_t> cells;
    std::size_t running = 0;
    bool begun = false;
    std::shared_ptr<lane::JobCache> cache;
  };
  /// Whether the group is there for this process, and any of its cells still open.
  bool may_begin(std::size_t group) {
    auto& g = groups_[group];
    if (!begin_) return true;
    const std::vector<std::size_t> wanted(g.cells.begin(), g.cells.end());
    const auto open = begin_(group, wanted);
    if (!open) {
      g.cells.clear();
      gone_(group, wanted, false);
      return false;
    }
    g.cells.assign(open->begin(), open->end());
    std::vector<std::size_t> done;
    for (auto c : wanted)
      if (std::find(open->begin(), open->end(), c) == open->end()) done.push_back(c);
    gone_(group, done, true);
    return !g.cells.empty();
  }
  std::size_t take(std::size_t group) {
    auto& g = groups_[group];
    g.begun = true;
    ++g.running;
    const auto cell = g.cells.front();
    g.cells.pop_front();
    return cell;
  }
  Begin begin_;
  Gone gone_;
  std::vector<Group> groups_;
};

/// Threads that a run has beside its lanes.
constexpr int threads_of_a_run = 6;

/// A node that is still at a job of the cell before, or is being started again, is waited for so long.
constexpr std::chrono::seconds node_takes{60};

/// Throws where so many threads cannot live at once: a run that cannot start all of its own may not even
/// fail.
void check_threads(int count, int runners) {
  try {
    base::require_threads(count);
  } catch (const base::ThreadError& e) {
    throw base::ThreadError(
        fmt::format("{} cells at a time: {}; fewer cells at a time: -j", runners, e.what()));
  }
}

class Runners {
 public:
  Runners(const study::Plan& plan, const StudyOptions& options, const std::vector<std::size_t>& open)
      : plan_(plan),
        options_(options),
        queue_(plan, open, options.begin_group,
               [this](auto group, const auto& cells, bool done) { gone(group, cells, done); }),
        began_(Clock::now()) {
    progress_.cells = outcome_.cells = plan.cells.size();
    progress_.done = options.complete.value_or(plan.cells.size() - open.size());
    jobs_ = runners_for(open.size(), options.jobs);
    lanes_ = std::max<std::int64_t>(1, device::device_info("cpu").cores_or_sms / jobs_);
    if (!open.empty()) check_threads(jobs_ * (1 + static_cast<int>(lanes_) + threads_of_a_run), jobs_);
    expect(open);
  }

  StudyOutcome run() {
    std::vector<std::thread> threads;
    std::string failure;
    for (int i = 0; i < jobs_ && failure.empty(); ++i) try {
        threads.emplace_back([this, i] { begin(static_cast<std::size_t>(i)); });
      } catch (const std::system_error& e) {
        failure = fmt::format("cannot start the runner {} of {}: {}", i + 1, jobs_, e.what());
      }
    {
      std::unique_lock<std::mutex> lock(mutex_);
      if (!failure.empty()) error_ = std::make_exception_ptr(std::runtime_error(failure));
      may_begin_ = true;
      alive_ = static_cast<int>(threads.size());
      changed_.notify_all();
      while (!changed_.wait_for(lock, std::chrono::milliseconds(200), [&] { return alive_ == 0; }))
        if (options_.waiting) options_.waiting(progress());
    }
    for (auto& t : threads) t.join();
    if (error_) std::rethrow_exception(error_);
    outcome_.interrupted = stopped();
    return outcome_;
  }

 private:
  struct Running {
    EtaCell cell;
    Clock::time_point began;
    std::shared_ptr<std::atomic<float>> share = std::make_shared<std::atomic<float>>(0.0f);
  };

  bool stopped() const { return options_.interrupt && options_.interrupt->load(); }

  /// What each cell is expected to take. The first of a group computes the past that the others find.
  void expect(const std::vector<std::size_t>& open) {
    std::vector<Work> works;
    try {
      works = work_of_cells(plan_, open, options_.interrupt);
    } catch (const std::exception&) {
      works.clear();  // what is wrong is told by the cells themselves; here it only costs the estimate
    }
    std::map<std::tuple<std::size_t, std::vector<std::size_t>, bool>, std::size_t> kinds;
    std::set<std::size_t> begun;
    for (std::size_t i = 0; i < open.size(); ++i) {
      const auto& c = plan_.cells[open[i]];
      const bool shares =
          !begun.insert(c.group).second && c.scenario.scenario.clock == config::Clock::simulated;
      EtaCell e;
      e.kind = kinds.emplace(std::make_tuple(c.arm, c.values, shares), kinds.size()).first->second;
      if (i < works.size() && works[i].whole > 0)
        e.work = std::max(1.0, works[i].whole - (shares ? works[i].past : 0));
      waiting_[open[i]] = e;
    }
  }

  void begin(std::size_t runner) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [&] { return may_begin_; });
    }
    std::exception_ptr error;
    try {
      work(runner);
    } catch (...) {  // the folder, or that of leases, cannot be written: no cell can be run
      error = std::current_exception();
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    if (error && !error_) error_ = error;
    --alive_;
    changed_.notify_all();
  }

  void work(std::size_t runner) {
    std::optional<std::size_t> group;
    for (;;) {
      std::optional<std::size_t> cell;
      std::shared_ptr<lane::JobCache> cache;
      std::shared_ptr<std::atomic<float>> share;
      {
        std::lock_guard<std::mutex> lock(mutex_);
        if (stopped() || error_) return;
        cell = queue_.next(group);
        if (!cell) return;
        auto& mine = running_[*cell];
        mine.cell = waiting_.at(*cell);
        mine.began = Clock::now();
        share = mine.share;
        waiting_.erase(*cell);
        cache = queue_.cache(*group, options_.cache_bytes);
      }
      const auto ended = run_cell(plan_.cells[*cell], runner, std::move(cache), *share);
      tell(*cell, *group, ended);
    }
  }

  struct Ended {
    std::string failure;  ///< empty: it did not fail
    std::vector<std::string> warnings, notes;
    bool interrupted = false, busy = false;
  };

  /// To be called with the mutex held.
  void gone(std::size_t group, const std::vector<std::size_t>& cells, bool done) {
    for (auto c : cells) waiting_.erase(c);
    if (!done) return;
    progress_.done += cells.size();
    const auto of_group = [&](const auto& w) { return plan_.cells[w.first].group == group; };
    if (options_.end_group && std::none_of(waiting_.begin(), waiting_.end(), of_group))
      options_.end_group(group);
  }

  Ended run_cell(const study::Cell& cell, std::size_t runner, std::shared_ptr<lane::JobCache> cache,
                 std::atomic<float>& share) {
    const auto path = options_.folder / cell.folder;
    Ended ended;
    auto folder = record::RunFolder::examine(path, true);
    try {
      auto scenario = config::with_absolute_paths(cell.scenario);
      std::optional<Unfinished> unfinished;
      if (!options_.fresh) try {
          unfinished = find_unfinished(path, scenario);
        } catch (const record::RunFolderError& e) {
          ended.notes.push_back(std::string("begins anew: ") + e.what());
        }
      if (unfinished) folder = record::RunFolder::examine_to_go_on(path);
      if (scenario.compute.lanes == 0 && scenario.compute.devices == std::vector<std::string>{"cpu"})
        scenario.compute.lanes = lanes_;
      actors::RunOptions options;
      options.cache = std::move(cache);
      options.nodes = share_of_nodes(node_options(scenario), runner, static_cast<std::size_t>(jobs_));
      options.nodes.busy = node_takes;
      options.nodes.await_gone = true;
      options.nodes.interrupt = options_.interrupt;
      options.interrupt = options_.interrupt;
      options.hurry = options_.hurry;
      options.prepared = [&path] {
        std::error_code ignored;
        fs::remove(path / "failure.txt", ignored);
      };
      options.progress = [&](const actors::Progress& p) { share = share_of(scenario.stop, p); };
      if (unfinished) {
        if (!unfinished->held.damage.empty()) ended.warnings.push_back(unfinished->held.damage);
        ended.notes.push_back(going_on(*unfinished));
      }
      auto result = execute(scenario, folder, options, std::move(unfinished), jobs_ == 1);
      for (auto& w : result.warnings) ended.warnings.push_back(std::move(w));
      for (auto& n : result.notes) ended.notes.push_back(std::move(n));
      ended.interrupted = result.report.interrupted;
      if (ended.interrupted) return ended;
      const auto& how = result.summary.ended;
      if (!result.report.failure.empty())
        ended.failure = result.report.failure;
      else if (result.summary.divergence)
        ended.failure = to_string(*result.summary.divergence);
      else if (how != "completed")
        ended.failure = how;
      if (!ended.failure.empty() && how.rfind("failed", 0) != 0 && ended.failure.rfind(how, 0) != 0)
        ended.failure = how + ": " + ended.failure;
    } catch (const actors::NotAwaited&) {
      ended.interrupted = true;
      return ended;
    } catch (const record::FolderBusy& e) {
      ended.busy = true;
      ended.notes.push_back(e.what());
      return ended;
    } catch (const std::exception& e) {
      ended.failure = e.what();
    }
    if (!ended.failure.empty()) {
      try {
        fs::create_directories(path);
        base::write_whole(path / "failure.txt", ended.failure + "\n");
      } catch (const std::exception& e) {  // a full disk, most likely: this cell fails alone
        ended.failure += std::string("; ") + e.what();
      }
    }
    return ended;
  }

  static float share_of(const config::StopSection& stop, const actors::Progress& p) {
    double share = 0;
    if (stop.updates > 0) share = static_cast<double>(p.updates) / static_cast<double>(stop.updates);
    if (stop.seconds > 0) share = std::max(share, p.now / stop.seconds);
    return static_cast<float>(share);
  }

  void tell(std::size_t cell, std::size_t group, const Ended& ended) {
    std::lock_guard<std::mutex> lock(mutex_);
    bool last = false;
    const auto counts = queue_.ended(group, last);
    outcome_.jobs_computed += counts.computed;
    outcome_.jobs_shared += counts.found;
    auto mine = running_.at(cell);
    running_.erase(cell);
    if (ended.interrupted) return;
    const auto& folder = plan_.cells[cell].folder;
    if (ended.busy) {
      outcome_.busy.push_back(folder + ": " + ended.notes.back());
      if (last && options_.end_group) options_.end_group(group);
      return;
    }
    ++outcome_.ran;
    if (ended.failure.empty()) {
      ++progress_.done;
      mine.cell.seconds = std::chrono::duration<double>(Clock::now() - mine.began).count();
      ended_.push_back(mine.cell);
    } else {
      ++progress_.failed;
      outcome_.failures.push_back(folder + ": " + ended.failure);
    }
    if (options_.ended) options_.ended(progress(), folder, ended.failure, ended.warnings, ended.notes);
    if (last && options_.end_group) options_.end_group(group);
  }

  /// To be called with the mutex held.
  StudyProgress progress() {
    const auto now = Clock::now();
    std::vector<EtaCell> running, waiting;
    for (const auto& [i, r] : running_) {
      running.push_back(r.cell);
      running.back().seconds = std::chrono::duration<double>(now - r.began).count();
      running.back().share = *r.share;
    }
    for (const auto& [i, c] : waiting_) waiting.push_back(c);
    progress_.running = running.size();
    progress_.elapsed = std::chrono::duration<double>(now - began_).count();
    progress_.left = time_left(ended_, running, waiting, jobs_);
    return progress_;
  }

  const study::Plan& plan_;
  const StudyOptions& options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool may_begin_ = false;
  int alive_ = 0;
  Queue queue_;
  Clock::time_point began_;
  std::map<std::size_t, EtaCell> waiting_;  ///< by cell of the plan
  std::map<std::size_t, Running> running_;
  std::vector<EtaCell> ended_;
  StudyProgress progress_;
  StudyOutcome outcome_;
  std::exception_ptr error_;
  int jobs_ = 1;
  std::int64_t lanes_ = 1;
};

}  // namespace

int runners_for(std::size_t open, int jobs) {
  const auto cores = std::max<std::int64_t>(1, device::device_info("cpu").cores_or_sms);
  const auto wanted = static_cast<std::size_t>(jobs > 0 ? jobs : cores);
  return static_cast<int>(std::clamp<std::size_t>(wanted, 1, std::max<std::size_t>(1, open)));
}

StudyOutcome run_cells(const study::Plan& plan, const StudyOptions& options,
                       const std::vector<std::size_t>& open) {
  return Runners(plan, options, open).run();
}

}  // namespace afu::cli
