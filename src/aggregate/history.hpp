#pragma once
/// What happened round by round, for methods that go back over the training: FedEraser and FedRecovery. A
/// round of an asynchronous rule is a pseudo-round: as many consecutive contributions as there are clients
/// (src/aggregate/README.md, History).
#include <cstdint>
#include <vector>

#include "aggregate/rule.hpp"

namespace afu::aggregate {

struct HistoryNeeds {
  bool rounds = false;       ///< keep rounds at all
  std::uint64_t every = 1;   ///< keep the rounds 0, every, 2 every, ...
  bool all_clients = false;  ///< keep every client's updates, else those of clients that may ask
  bool models = false;       ///< keep the versions at the ends of rounds, else the first one only
};

/// One merged update: the server added weight * delta.
struct Contribution {
  std::uint32_t client = 0;
  double weight = 0;
  model::ParametersPtr delta;  ///< null: not kept, or a timing-only run
};

struct HistoryRound {
  std::uint64_t number = 0;
  model::ParametersPtr start, end;  ///< the versions before and after it, where they are kept
  std::uint64_t end_version = 0;    ///< the number of `end`
  std::vector<Contribution> contributions;
};

class History {
 public:
  History() = default;
  /// `round_size`: contributions in a pseudo-round; 0: each merge is a round (barrier rules).
  History(HistoryNeeds needs, std::vector<std::uint32_t> tracked, std::size_t round_size);

  const HistoryNeeds& needs() const { return needs_; }
  /// Complete rounds that were kept, the oldest first.
  const std::vector<HistoryRound>& rounds() const { return rounds_; }
  /// The version that the first round began with; null before it, and in timing-only runs.
  const model::ParametersPtr& first() const { return first_; }
  std::uint64_t first_version() const { return first_version_; }  ///< its number

  /// Whether anything was merged since the start.
  bool begun() const { return open_ || number_ > 0; }
  /// Updates of the client in the round that is not complete yet, which `rounds` lacks.
  std::size_t unfinished(std::uint32_t client) const;

  /// After a merge by `plan` that led from `before` to `after`, the version number `version`.
  void record(const MergePlan& plan, const model::ParametersPtr& before, const model::ParametersPtr& after,
              std::uint64_t version);
  /// The model goes on from the end of the round that ended with `version`, or, where none did, from the first one: what
  /// came later is no part of its past any more. The next merge begins a round.
  void rewind(std::uint64_t version);
  /// Drops everything derived from the client's data.
  void forget(std::uint32_t client);
  void reset();
  /// Bytes held now; a version shared by two rounds counts once.
  std::int64_t bytes() const { return bytes_; }

 private:
  void close_round(const model::ParametersPtr& after, std::uint64_t version);
  void count_bytes();

  HistoryNeeds needs_;
  std::vector<std::uint32_t> tracked_;
  std::size_t round_size_ = 0;
  std::uint64_t number_ = 0, first_version_ = 0;
  bool open_ = false;
  std::int64_t bytes_ = 0;
  HistoryRound current_;
  std::vector<HistoryRound> rounds_;
  model::ParametersPtr first_;
};

}  // namespace afu::aggregate
