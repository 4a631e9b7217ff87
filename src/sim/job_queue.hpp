#pragma once
/// Which compute job runs next: by simulated completion, with a bounded look-ahead.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>

namespace afu::sim {

/// A job is queued, then running (next() gave it out), then finished (its result is there), then joined (the
/// result was used) and forgotten. Running and finished jobs are `unjoined`; next() gives out jobs in
/// (completes_at, seq) order while there are fewer of them than `bound`. So memory for results is bounded,
/// and the results that are needed first are computed first. A job that somebody waits for now is urgent and
/// given out whatever the bound: the waiting never ends in a deadlock. Calls about a job that the queue does
/// not know, or that is in another state, throw std::logic_error.
class JobQueue {
 public:
  using Id = std::uint64_t;
  explicit JobQueue(std::size_t bound);  ///< > 0

  void push(Id id, double completes_at, std::uint64_t seq);
  std::optional<Id> next();
  std::optional<Id> front() const;  ///< what next() would give out
  void finished(Id id);
  void joined(Id id);
  /// It is running and will come to no end: next() gives it out again, in its old place. A job that was cancelled meanwhile is
  /// forgotten.
  void given_back(Id id);

  /// Somebody waits for the job now. Nothing happens when it is running or finished already, unless it is given back.
  void urge(Id id);

  /// The result is not wanted any more. True: the job was still queued and will never be given out. False: it
  /// is running (finished(id) is still to be called, and forgets it) or has finished (it is forgotten now).
  bool cancel(Id id);

  bool urgent() const { return !urgent_.empty(); }  ///< whether somebody waits for a job not given out yet
  std::size_t queued() const { return waiting_.size() + urgent_.size(); }
  std::size_t unjoined() const { return unjoined_; }

 private:
  enum class State { queued, urgent, running, cancelled, finished };
  struct Key {
    double completes_at;
    std::uint64_t seq;
    Id id;
    bool operator<(const Key& o) const;
  };
  struct Job {
    Key key;
    State state;
    bool urged = false;
  };

  Job& get(Id id, const char* what);
  void forget(Id id);

  std::size_t bound_;
  std::size_t unjoined_ = 0;
  std::set<Key> waiting_, urgent_;
  std::unordered_map<Id, Job> jobs_;
};

}  // namespace afu::sim
