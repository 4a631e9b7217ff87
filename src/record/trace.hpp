#pragma once
/// trace.json: what every actor did when, for Perfetto (ui.perfetto.dev) or chrome://tracing.
///
/// Process "simulated time" (the run's clock): tracks `server` (decisions as instants, halted spans),
/// `unlearner`, `calibrator` and one a client:
///   download  the task's way from the server        upload   the update's way to it
///   compute   the client's modelled computation     lost     a computation that a dropout ended
///   wait      idle, from its update's arrival (or the run's begin) to the departure of its next task
///   stall     the part of that in which the server was halted (between decisions `halted` and `resumed`)
/// Arrows lead from a computation over its upload to the decision on it. Counters: version, epoch, staleness.
/// Process "lanes (real time)": one track a lane.
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "record/records.hpp"
#include "record/trace_writer.hpp"

namespace afu::record {

/// Fed with everything in the order in which it happened; writes as it goes, so memory does not grow with the
/// run (but for one pair of numbers a halt). A track shows one thing at a time: of two that overlap, the one
/// that ends later is cut to what remains. Write errors throw std::runtime_error.
class TraceBuilder {
 public:
  /// At most this many clients get a track; the process's name then says so.
  static constexpr std::uint32_t most_clients = 2000;

  /// `clients`: how many the federation has; `sites`: what they are called, or empty.
  TraceBuilder(std::filesystem::path path, std::uint32_t clients, const std::vector<std::string>& sites = {});
  /// Finishes; an error there can only be learned from `finish` itself.
  ~TraceBuilder();

  /// Throws std::out_of_range for a client the federation does not have.
  void add(const Event& e);
  void add(const Decision& d);
  void add(const LaneSpan& s);
  /// What was added so far reaches the file.
  void flush() { writer_.flush(); }
  /// Ends what is still going on at the time of the last record and completes the file. Idempotent; nothing
  /// may be added afterwards.
  void finish();

 private:
  struct Node {
    enum class Doing : std::uint8_t { idle, computing, sending };
    Doing doing = Doing::idle;
    bool collecting = false;  ///< computes for an unlearning method: no update follows
    bool left = false;        ///< asked to be forgotten: its silence is no waiting
    TraceTime since = 0;      ///< when it began what it is doing
    TraceTime drawn_to = 0;   ///< end of the last span on its track
    std::uint64_t flow = 0;   ///< of the update on its way, 0: none
  };

  Node* node(NodeId id);
  TraceTime draw(NodeId id, std::string_view name, TraceTime begin, TraceTime end,
                 std::string_view args = {});
  void transfer(NodeId id, std::string_view name, const Event& e);
  void idle_until(NodeId id, TraceTime end);
  void count(std::uint64_t& last, std::string_view name, TraceTime at, std::uint64_t value);

  TraceWriter writer_;
  std::uint32_t clients_;
  std::vector<Node> nodes_;                             ///< by NodeId, as far as they have tracks
  std::vector<std::pair<TraceTime, TraceTime>> halts_;  ///< disjoint and in order; the last may be open
  bool halted_ = false;
  std::vector<bool> named_lanes_;
  TraceTime now_ = 0;
  std::uint64_t flows_ = 0;
  std::uint64_t version_, epoch_, staleness_;  ///< what the counters show
  bool finished_ = false;
};

}  // namespace afu::record
