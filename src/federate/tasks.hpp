#pragma once
/// What clients are working on: who has a task out, who gets the next one, and barrier rounds.
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "federate/roster.hpp"
#include "model/parameters_fwd.hpp"

namespace afu::federate {

/// What the server keeps of a task that is out, where the rule or the method needs it.
struct TaskBase {
  model::ParametersPtr model;
  std::vector<model::ParametersPtr> influence;  ///< of the tracked clients in it (aggregate::Ledger)
};

class Tasks {
 public:
  struct Task {
    std::uint64_t job = 0;  ///< counts the client's tasks from 1; one of a smaller number is void
    float since = 0;        ///< when it was handed out
    bool busy = false;      ///< it is out
  };

  /// Both must outlive this. Nobody has a task yet, and nobody is idle until `open`.
  Tasks(const config::Scenario& scenario, const Roster& roster);

  void open();
  /// Clients to be handed a task at `now`, in order; they count as busy. `synchronous`: a round of
  /// training.clients_per_round, once the last is over; else whoever is idle, up to training.max_in_flight.
  /// None while all are halted, or where nothing has changed since the last call.
  std::vector<std::uint32_t> next(bool synchronous, double now);

  const Task& operator[](std::uint32_t client) const { return tasks_[client]; }
  std::uint64_t in_flight() const { return in_flight_; }
  /// What the client works on is void; returns the number of what it is to do instead.
  std::uint64_t renumber(std::uint32_t client) { return ++tasks_[client].job; }
  void keep(std::uint32_t client, TaskBase base) { bases_[client] = std::move(base); }
  /// The client's task is over: it is idle, unless it is excluded. Returns what was kept of it. Of a client
  /// without one nothing happens.
  TaskBase release(std::uint32_t client);
  void release_all();
  /// The client, which is excluded now, gets no task until it is admitted again.
  void withdraw(std::uint32_t client);
  void admit(std::uint32_t client);

  /// True, once, where all tasks of the open round are over.
  bool end_round();
  /// It made a version.
  void count_round() { ++round_.number; }
  std::uint64_t rounds() const { return round_.number; }
  /// A new lineage: what is out is lost, rounds count from 0.
  void begin_again();

  /// Hands out nothing until as many `resume` have come. Returns whether it was the first.
  bool halt() { return halts_++ == 0; }
  /// Returns whether it was the last.
  bool resume();
  /// Something has changed that `next` has not seen.
  void look_again() { changed_ = true; }

 private:
  struct Round {
    std::uint64_t number = 0, outstanding = 0;
    bool open = false;
  };
  std::vector<std::uint32_t> fill();
  std::vector<std::uint32_t> open_round();

  const config::Scenario& scenario_;
  const Roster& roster_;
  std::vector<Task> tasks_;
  std::unordered_map<std::uint32_t, TaskBase> bases_;
  std::vector<std::uint32_t> idle_;
  std::uint64_t in_flight_ = 0, selections_ = 0;
  Round round_;
  int halts_ = 0;
  bool changed_ = false;
};

}  // namespace afu::federate
