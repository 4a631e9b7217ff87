#include "cli/study_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <exception>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include "cli/execute.hpp"
#include "compute/devices.hpp"
#include "compute/job_cache.hpp"
#include "config/writer.hpp"
#include "record/output_file.hpp"

namespace afu::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Who runs what next. Cells of a group go to one runner as long as there are other groups to begin: their
/// common past is then computed while nobody waits for it.
class Queue {
 public:
  Queue(const study::Plan& plan, const std::vector<std::size_t>& open) {
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
        best = g;
        break;
      }
      if (!best || groups_[g].cells.size() > groups_[*best].cells.size()) best = g;
    }
    if (!best) return std::nullopt;
    group = best;
    return take(*best);
  }
  std::shared_ptr<compute::JobCache> cache(std::size_t group, std::uint64_t budget) {
    auto& g = groups_[group];
    if (!g.cache) g.cache = std::make_shared<compute::JobCache>(budget);
    return g.cache;
  }
  /// A cell of `group` has ended; after the last one what the group shared is dropped.
  compute::JobCache::Counts ended(std::size_t group) {
    auto& g = groups_[group];
    if (--g.running > 0 || !g.cells.empty()) return {};
    return std::exchange(g.cache, nullptr)->counts();
  }

 private:
  struct Group {
    std::deque<std::size_t> cells;
    std::size_t running = 0;
    bool begun = false;
    std::shared_ptr<compute::JobCache> cache;
  };
  std::size_t take(std::size_t group) {
    auto& g = groups_[group];
    g.begun = true;
    ++g.running;
    const auto cell = g.cells.front();
    g.cells.pop_front();
    return cell;
  }
  std::vector<Group> groups_;
};

class Runners {
 public:
  Runners(const study::Plan& plan, const StudyOptions& options, std::vector<std::size_t> open)
      : plan_(plan), options_(options), queue_(plan, open), began_(Clock::now()) {
    progress_.cells = plan.cells.size();
    progress_.done = outcome_.kept = plan.cells.size() - open.size();
    const auto cores = std::max<std::int64_t>(1, compute::device_info("cpu").cores_or_sms);
    const auto most = std::max<std::size_t>(1, open.size());
    jobs_ = static_cast<int>(std::min<std::size_t>(
        most, options.jobs > 0 ? static_cast<std::size_t>(options.jobs) : static_cast<std::size_t>(cores)));
    lanes_ = std::max<std::int64_t>(1, cores / jobs_);
  }

  StudyOutcome run() {
    std::vector<std::thread> threads;
    for (int i = 0; i < jobs_; ++i) threads.emplace_back([this] { work(); });
    for (auto& t : threads) t.join();
    if (error_) std::rethrow_exception(error_);
    outcome_.interrupted = stopped();
    return outcome_;
  }

 private:
  bool stopped() const { return options_.interrupt && options_.interrupt->load(); }

  void work() {
    std::optional<std::size_t> group;
    for (;;) {
      std::optional<std::size_t> cell;
      std::shared_ptr<compute::JobCache> cache;
      {
        std::lock_guard<std::mutex> lock(mutex_);
        if (stopped() || error_) return;
        cell = queue_.next(group);
        if (!cell) return;
        ++progress_.running;
        cache = queue_.cache(*group, options_.cache_bytes);
      }
      std::string failure;
      try {
        failure = run_cell(plan_.cells[*cell], std::move(cache));
      } catch (...) {  // the folder cannot be written: no cell can
        std::lock_guard<std::mutex> lock(mutex_);
        if (!error_) error_ = std::current_exception();
        return;
      }
      ended(*cell, *group, failure);
    }
  }

  /// Returns why it failed; empty: it did not.
  std::string run_cell(const study::Cell& cell, std::shared_ptr<compute::JobCache> cache) {
    const auto path = options_.folder / cell.folder;
    auto scenario = config::with_absolute_paths(cell.scenario);
    if (scenario.compute.lanes == 0 && scenario.compute.devices == std::vector<std::string>{"cpu"})
      scenario.compute.lanes = lanes_;
    const auto folder = record::RunFolder::create(path, true);
    std::error_code ignored;
    fs::remove(path / "failure.txt", ignored);
    actors::RunOptions options;
    options.cache = std::move(cache);
    options.interrupt = options_.interrupt;
    std::string failure;
    try {
      const auto result = execute(scenario, folder, options, jobs_ == 1);
      if (result.report.interrupted) return "";
      if (!result.report.failure.empty())
        failure = result.report.failure;
      else if (result.summary.ended != "completed")
        failure = result.summary.ended;
    } catch (const std::exception& e) {
      failure = e.what();
    }
    if (!failure.empty()) record::write_whole(path / "failure.txt", failure + "\n");
    return failure;
  }

  void ended(std::size_t cell, std::size_t group, const std::string& failure) {
    std::lock_guard<std::mutex> lock(mutex_);
    --progress_.running;
    const auto counts = queue_.ended(group);
    outcome_.jobs_computed += counts.computed;
    outcome_.jobs_shared += counts.found;
    if (stopped()) return;
    ++outcome_.ran;
    const auto& folder = plan_.cells[cell].folder;
    if (failure.empty()) {
      ++progress_.done;
    } else {
      ++progress_.failed;
      outcome_.failures.push_back(folder + ": " + failure);
    }
    progress_.elapsed = std::chrono::duration<double>(Clock::now() - began_).count();
    const auto left = progress_.cells - progress_.done - progress_.failed;
    progress_.eta = progress_.elapsed / static_cast<double>(outcome_.ran) * static_cast<double>(left);
    if (options_.ended) options_.ended(progress_, folder, failure);
  }

  const study::Plan& plan_;
  const StudyOptions& options_;
  std::mutex mutex_;
  Queue queue_;
  Clock::time_point began_;
  StudyProgress progress_;
  StudyOutcome outcome_;
  std::exception_ptr error_;
  int jobs_ = 1;
  std::int64_t lanes_ = 1;
};

/// Whether what was run for the manifest `held` is still of use for `wanted`: what only the report looks at
/// may change, arms and seeds may come and go, but an arm of one name stays what it was.
bool goes_on(nlohmann::ordered_json held, nlohmann::ordered_json wanted) {
  for (const auto& arm : held["arms"])
    for (const auto& other : wanted["arms"])
      if (arm["name"] == other["name"] && arm["set"] != other["set"]) return false;
  for (const auto* key : {"command", "file", "help", "claims", "statistics", "subject", "reference",
                          "distances", "arms", "seeds", "cells"})
    held.erase(key), wanted.erase(key);
  return held == wanted;
}

}  // namespace

void claim_study_folder(const study::Plan& plan, const StudyOptions& options, const std::string& command) {
  const auto path = options.folder / "study.json";
  const auto wanted = study::manifest(plan, command);
  if (fs::exists(path)) {
    auto held = nlohmann::ordered_json::parse(content(path), nullptr, false);
    if (!held.is_object()) throw record::RunFolderError("'" + path.string() + "' is no study's manifest");
    if (!goes_on(std::move(held), wanted))
      throw record::RunFolderError(
          fmt::format("output folder '{}' holds another study, or this one as it was before (arms and seeds "
                      "may be added): "
                      "choose another folder",
                      options.folder.string()));
  }
  std::error_code error;
  fs::create_directories(options.folder, error);
  if (error)
    throw record::RunFolderError(
        fmt::format("cannot create output folder '{}': {}", options.folder.string(), error.message()));
  record::write_whole(path, wanted.dump(2) + "\n");
  record::write_whole(options.folder / "study.toml", content(plan.study.file));
}

bool is_complete(const fs::path& cell_folder) {
  const auto summary = nlohmann::json::parse(content(cell_folder / "summary.json"), nullptr, false);
  if (!summary.is_object() || !summary.contains("context")) return false;
  return summary["context"].value("ended", "") == "completed";
}

StudyOutcome run_cells(const study::Plan& plan, const StudyOptions& options) {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < plan.cells.size(); ++i)
    if (options.force || !is_complete(options.folder / plan.cells[i].folder)) open.push_back(i);
  return Runners(plan, options, std::move(open)).run();
}

}  // namespace afu::cli
