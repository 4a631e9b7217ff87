#pragma once
/// One request for erasure on its way through the server, from the scenario to its end.
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "aggregate/ledger.hpp"
#include "federate/calibrations.hpp"
#include "federate/messages.hpp"
#include "figures/retained_work.hpp"
#include "methods/method.hpp"
#include "record/records.hpp"

namespace afu::federate {

/// Where a request stands: always in one of these.
namespace stage {
struct Ahead {};     ///< nobody has asked yet
struct Posted {};    ///< the request is on its way to the server, or has a time at which it will be
struct Queued {};    ///< behind another one: they are served one after the other
struct Ready {};     ///< the procedure's next step is due
struct Stepping {};  ///< the server is carrying one out
struct Draining {};  ///< until nobody has a task out
struct Collecting {
  std::map<std::uint32_t, CollectTask> out;  ///< by client; the job's number is the client's
  std::vector<std::pair<std::uint32_t, ResultPtr>> answers;
};
struct Erasing {};      ///< the unlearner works
struct Merging {};      ///< what it merges waits, or is being computed
struct Calibrating {};  ///< the calibrator works
/// So it does; on the running statistics of what this step would publish.
struct TakingStatistics {
  methods::Step step;
};
struct AwaitingUpdates {
  std::uint64_t until = 0;  ///< Progress::updates
};
struct AwaitingCluster {};  ///< until it has caught up
struct Done {};
/// Others erase, or have erased, all that it covers.
struct Repeating {
  std::vector<std::size_t> others;
};
}  // namespace stage
using Stage = std::variant<stage::Ahead, stage::Posted, stage::Queued, stage::Ready, stage::Stepping,
                           stage::Draining, stage::Collecting, stage::Erasing, stage::Merging,
                           stage::Calibrating, stage::TakingStatistics, stage::AwaitingUpdates,
                           stage::AwaitingCluster, stage::Done, stage::Repeating>;

/// What a request does to the training of all others.
enum class Training {
  goes_on,
  halted,     ///< between the steps Halt and Resume
  made_again  ///< what the target was part of is trained anew
};

struct ServedRequest {
  methods::Request request;
  std::unique_ptr<methods::Procedure> procedure{};  ///< null until the server has taken the request
  Stage stage{stage::Ahead{}};
  Training training = Training::goes_on;
  std::uint64_t halted_version = 0;         ///< the version at the last Halt
  std::optional<double> interval_began{};   ///< since when all others are kept from training
  std::vector<figures::TimeSpan> halted{};  ///< intervals of that which are over
  Calibrations calibrations{};
  record::ErasureRecord record{};
  /// At its first Erase, where the method assigns models (methods::Traits).
  std::optional<aggregate::Ledger> ledger{};
  bool taken_out = false;  ///< its merge took the ledger's entry out of the model and out of the ledger
  std::optional<std::size_t> made_again_by{};  ///< the request whose retraining is without its samples too

  template <class S>
  bool in() const {
    return std::holds_alternative<S>(stage);
  }
  bool done() const { return in<stage::Done>() || in<stage::Repeating>(); }
  /// The server has taken it, and is not done with it.
  bool open() const { return procedure && !done(); }
  /// So it is, and what is published does not count as erased yet.
  bool erasing() const { return open() && !record.forgotten_at; }
  bool retraining() const { return training == Training::made_again && !record.forgotten_at; }

  /// The version that stands now is the first one without what is to be erased. Only the first call counts.
  void erased(double now);
  /// It counts as erased from now on.
  void forgotten(double now);
  void begin_interval(double now);
  void end_interval(double now);
  /// The next step is about to be asked for. Returns what a Collect has brought, by client.
  std::vector<std::pair<std::uint32_t, ResultPtr>> begin_step();
  /// The work of a Collect that `m` answers; null: it is of work that was asked for anew, or of none.
  const CollectTask* collecting(const CollectResult& m) const;
  /// Takes the answer; true where it is the last.
  bool collect(const CollectResult& m);
};

}  // namespace afu::federate
