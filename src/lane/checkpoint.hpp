#pragma once
/// How a run that was stopped goes on. On the virtual clock all that happens follows from what jobs return. So the run
/// keeps every job's result, without its vectors, and the vectors that somebody still holds; going on, it takes place
/// again from its begin, which costs microseconds an event: jobs whose results were kept are not computed, and of
/// their vectors those that nobody held any more are ghosts. No state of any actor is written.
///
/// On the wall clock real time decides what comes before what. There the clock's steps are kept as well, each noted
/// before it takes place, and come again in that order, at the times that they had, without waiting.
///
/// On the virtual clock, too, a client's actor may die at a moment of real time. Where is noted as a step, in a checkpoint that is
/// written before the log can hold what came of it; going on, it dies there again.
///
/// A checkpoint may be taken at any moment, from any thread: a job whose result is not kept is held by whoever is to
/// compute it, and so are the vectors that it reads, until `keep` has its result.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lane/checkpoint_file.hpp"

namespace afu::lane {

/// Of the job's kind and all of its fields but the content of its vectors and rows.
std::uint64_t content_of(const job::Job& job);

/// Whether it reads a ghost.
bool reads_a_ghost(const job::Job& job);

/// What the checkpoints have cost since the process began.
struct CheckpointCost {
  std::uint64_t count = 0;
  double seconds = 0, longest = 0;       ///< in all, and of one; real time of the thread that writes
  std::uint64_t bytes = 0, written = 0;  ///< of the file as it is; that were written
};

/// How often one is written.
struct CheckpointPace {
  double every = 60;    ///< real seconds; 0: nothing is written
  double share = 0.02;  ///< at most, of real time, is spent on it
};

class Checkpoint {
 public:
  using Result = std::shared_ptr<const job::JobResult>;

  /// Of a new run, or (`held`) of one that goes on.
  Checkpoint(std::filesystem::path file, CheckpointPace pace,
             std::optional<CheckpointContent> held = std::nullopt);

  /// Makes the file, or notes that the run was away for so many seconds. Throws std::runtime_error.
  void begin(const BegunRun& run, double away_seconds);

  bool goes_on() const { return goes_on_; }
  std::uint64_t resumed() const { return resumed_; }        ///< times, this one included
  double away_seconds() const { return away_seconds_; }     ///< in all
  double seconds_before() const { return state_.seconds; }  ///< real time that the run had taken

  /// By lanes, which hold what the job reads. The result that was kept; null: the job is to be computed. Throws
  /// std::runtime_error where another job had that number.
  Result find(std::uint64_t number, const job::Job& job);
  /// The result, kept, as it is to be handed on. `shared`: others than this run hold it. After one with an error
  /// nothing is kept any more.
  Result keep(std::uint64_t number, const job::Job& job, Result result, bool shared);

  /// By the timeline: the steps that were kept, in their order. Once.
  std::vector<ClockStep> take_steps();
  /// Wall clock. By the timeline: what is about to take place.
  void note(const ClockStep& step);
  /// Wall clock. Whether what was kept is still to come again: not all steps have.
  bool replays() const { return replays_; }
  /// Wall clock. By the timeline: the run is where it was.
  void is_there() { replays_ = false; }
  /// Wall clock. Jobs that were waited for and those not ready in time, as the checkpoint has them.
  std::pair<std::uint64_t, std::uint64_t> waited() const;
  /// Wall clock. How many there are now.
  void waited(std::uint64_t joined, std::uint64_t late);

  /// Virtual clock. A client's actor has died: no checkpoint is taken before `note_death` tells where.
  void pause();
  /// Virtual clock. By the timeline: what a client's actor has died of, before anything comes of it. Takes a checkpoint.
  void note_death(const ClockStep& step, double elapsed);
  /// By the thread that writes: what `note_death` has taken. Never throws.
  void write_deaths();

  /// From now on vectors may be gone that an open job reads, so no checkpoint can be taken.
  void freeze();
  /// Takes the last checkpoint; `write` will write it.
  void take_last(double elapsed);
  /// The run met a stop condition: what it would do with more time is dropped from now on.
  void end();

  /// By one thread: takes a checkpoint and writes it, where that is due, or was taken by `take_last`. Never throws.
  void write(double elapsed);
  /// How long it may wait until `write` is asked again, seconds.
  double period() const;
  /// Why no checkpoint is written any more; empty: that works.
  std::string failure() const;
  CheckpointCost cost() const;
  /// Real seconds from its making to the first result that was not kept before; none: there was none yet.
  std::optional<double> first_result() const;

 private:
  struct Registered {
    VectorName name;
    std::weak_ptr<const model::ParameterVector> vector;
    bool written = false;
  };
  struct Living {
    VectorName name;
    model::ParametersPtr vector;  ///< null: it is written
  };
  struct Taken {
    std::vector<KeptResult> results;
    std::vector<ClockStep> steps;
    std::vector<Living> vectors;
    std::uint64_t count = 0, step_count = 0, joined = 0, late = 0;
    double seconds = 0;
    bool ended = false;
    bool sound = false;  ///< it was taken before anything was gone, whatever has happened since
  };
  struct Waiting {  ///< a result that was kept before
    std::uint64_t place = 0;
    KeptResult result;
  };

  Taken take(double elapsed);
  double expected_cost() const;
  void put(Taken taken);
  std::uint64_t append(Taken taken);  ///< bytes written
  void give_up(const std::string& why);

  const std::filesystem::path path_;
  const CheckpointPace pace_;
  const bool goes_on_;
  std::uint64_t resumed_ = 0;
  double away_seconds_ = 0;

  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::deque<Waiting>> waiting_;  ///< by job
  std::map<VectorName, model::ParametersPtr> unclaimed_;  ///< alive, and not asked for yet
  std::vector<Registered> registered_;
  std::vector<KeptResult> fresh_;  ///< since the last checkpoint
  std::uint64_t count_ = 0;        ///< results kept in all
  std::vector<ClockStep> steps_;   ///< that were kept before
  std::vector<ClockStep> fresh_steps_;
  std::uint64_t step_count_ = 0, joined_ = 0, late_ = 0;
  std::atomic<bool> replays_{false};
  const std::chrono::steady_clock::time_point made_ = std::chrono::steady_clock::now();
  std::optional<double> first_result_;
  bool frozen_ = false, ended_ = false;
  int paused_ = 0;            ///< deaths that are not noted yet
  std::deque<Taken> deaths_;  ///< not written yet
  std::optional<Taken> last_;
  std::string failure_;
  CheckpointCost cost_;

  // Of the thread that writes.
  CheckpointState state_;  ///< as it stands in the file
  std::uint64_t size_ = 0, vector_bytes_ = 0;
  std::unique_ptr<CheckpointFile> file_;
  std::chrono::steady_clock::time_point written_ = std::chrono::steady_clock::now();
  double last_cost_ = 0;  ///< seconds
};

}  // namespace afu::lane
