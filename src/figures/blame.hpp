#pragma once
/// What the rounds of a run waited for: the critical path of each, from its event log.
#include <cstdint>
#include <vector>

#include "figures/run_data.hpp"

namespace afu::figures {

/// Seconds on the run's clock.
struct PathTime {
  double queue = 0;    ///< work was there for the taking, or a computed result lay waiting, and nobody moved
                       ///< it: places in flight taken, the client away, a lane not free
  double link = 0;     ///< download of the task, upload of the update, or the notice of a loss
  double compute = 0;  ///< the client's computation, one that a dropout ended included
  double barrier = 0;  ///< an update had arrived and lay in the server's buffer, waiting for others
  double stall = 0;    ///< nothing was under way and the server was halted for an erasure
  double total() const { return queue + link + compute + barrier + stall; }
};
PathTime& operator+=(PathTime& a, const PathTime& b);

struct RoundBlame {
  double begin = 0, end = 0;
  std::uint32_t client = 0;  ///< whose update ended the round
  PathTime path;             ///< sums to end - begin
  /// Seconds from the arrival of each other update merged with it to the round's end, summed.
  double others_waited = 0;
};

/// Rounds. Where the server gathers updates (a decision `buffered` occurs in the log) a round ends with each
/// merge of gathered updates; otherwise with every `round_updates`-th accepted update. A round begins where
/// the last one ended, the first at 0; what comes behind the last is no round.
///
/// Critical path. From the round's end walk back: the update that ended it, its upload, computation and
/// download, to the moment its task was sent; from there on along what made the server send it: the job (of
/// any client; of the same where there are several) whose update, or loss, arrived at that very moment. Where
/// none did, the time back to the latest earlier arrival is a gap: stall as far as the server was halted
/// within it (between decisions `halted` and `resumed`), and else barrier if that arrival was `buffered`, or
/// queue. Time between the end of a computation and the departure of its update is queue too. The walk ends
/// at the round's begin and every piece is cut there, so that a path's parts sum to its round. Works for the
/// log of any rule and method; events of jobs that the server abandoned are never on a path.
std::vector<RoundBlame> blame_rounds(const std::vector<LogRecord>& log, std::size_t round_updates);

/// Where the server was halted, in order; one still open ends with the log.
struct Halt {
  double begin = 0, end = 0;
};
std::vector<Halt> halts_of(const std::vector<LogRecord>& log);

/// The server took an update into the model.
bool is_acceptance(record::Decision::Kind kind);

/// Clients whose updates were accepted and who never asked to be forgotten: |R| as the log tells it.
std::size_t retained_clients(const std::vector<LogRecord>& log);

}  // namespace afu::figures
