#pragma once
/// What the server remembers of single clients, so that a contribution can be taken out again. Only clients
/// that may ask are tracked, and only what the unlearning method declares it needs.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "aggregate/rule.hpp"
#include "engine/combine_job.hpp"
#include "job/job.hpp"

namespace afu::aggregate {

struct LedgerNeeds {
  bool influence = false;    ///< S_u (src/aggregate/README.md, Ledger)
  bool accumulator = false;  ///< A_u and its mass m_u
  bool last_update = false;  ///< base, delta and weight of the client's last merged update
  double decay = 0;          ///< part of an influence that each later contribution of the client takes off it
  std::size_t shards = 1;    ///< above 1: so many influences in place of one, by the client's shards
  bool by_shard() const { return influence && shards > 1; }
  bool any() const { return influence || accumulator || last_update; }
};

struct Tracked {
  std::uint32_t client = 0;
  /// S_u: the sum of the client's merged contributions, as they stand in the current version. Null: none yet.
  /// Delta rules: S_u += a delta. Mixing rules: S_u = (1-a) S_u + a (S_u,base + [k=u] delta).
  model::ParametersPtr influence;
  /// S_u,s of each shard s, in place of S_u, where it is kept by shard: S_u,s += a delta_s. Each null: none yet.
  std::vector<model::ParametersPtr> shards{};
  /// A_u: what of the current version is the client's whole models, mass m_u; w_ref = (w - A_u)/(1 - m_u).
  /// A late update that a mixing rule adds as a difference adds to A_u, and nothing to m_u.
  /// Mixing only: with a delta rule the accumulator is the influence and the mass 0.
  model::ParametersPtr accumulator;
  double mass = 0;
  model::ParametersPtr last_base, last_delta;
  double last_weight = 0;
  std::uint64_t contributions = 0;  ///< merged updates
  double weight = 0;                ///< sum of the coefficients of the client's merged updates
  double all_weights = 0;           ///< of everybody's, over the same merges
  /// The version that the last merge made, where that merge took an update of the client in; else null: what
  /// the client sent last is not part of the current version any more as one of a round's models.
  model::ParametersPtr last_model{};
  /// The client's share of all that was merged, in [0, 1].
  double share() const { return all_weights > 0 ? weight / all_weights : 0; }
};

/// What an erasure takes out of a model of one client's contributions.
struct TakenOut {
  std::uint32_t client = 0;
  model::ParametersPtr influence;   ///< S_u as it was; null in timing-only runs, and where there is none
  std::uint64_t contributions = 0;  ///< so many merged updates
  /// Where the ledger is kept by shard, the shards that are taken out, each with its influence as it was, which may be
  /// null: none yet.
  struct Shard {
    std::size_t number = 0;
    model::ParametersPtr influence;
  };
  std::vector<Shard> shards{};
};

class Ledger {
 public:
  Ledger() = default;
  /// `whole_model`: of the training rule (Rule::whole_model).
  Ledger(LedgerNeeds needs, const std::vector<std::uint32_t>& clients, bool whole_model = false);

  const LedgerNeeds& needs() const { return needs_; }
  const std::vector<Tracked>& clients() const { return clients_; }
  const Tracked* find(std::uint32_t client) const;
  /// Each tracked client's influence now, to be bound to an outgoing task (mixing rules).
  std::vector<model::ParametersPtr> snapshot() const;

  /// Appends to `job` the combinations that a merge by `plan` asks for; `apply` then takes their results,
  /// which start at `first_output`. Between the two the ledger is unchanged.
  void extend(const MergePlan& plan, engine::CombineJob& job);
  void apply(const MergePlan& plan, const std::vector<model::ParametersPtr>& outputs,
             std::size_t first_output);
  /// What takes all contributions of `client` out of `model`: the model without them, the difference that
  /// makes, then what becomes of the other clients' accumulators. Where whole models are mixed: (w - A_u)/(1
  /// - m_u), which scales the others; else w - S_u, which leaves them as they are.
  std::vector<engine::Combination> removal(std::uint32_t client, const model::ParametersPtr& model,
                                           bool whole_model) const;
  /// Takes the others' accumulators, from `first_output` on.
  void apply_removal(std::uint32_t client, const std::vector<model::ParametersPtr>& outputs,
                     std::size_t first_output, bool whole_model);
  /// The model is without `part` from now on; `rest` is the influence of what the client has contributed since. Null: of
  /// nothing.
  void take_out(const TakenOut& part, model::ParametersPtr rest);
  /// The same of part.shards, with a rest each; the other shards stay as they are, and the client's counts with them where
  /// any of these holds something.
  void take_out_shards(const TakenOut& part, std::vector<model::ParametersPtr> rests);
  /// Drops everything derived from the client's data.
  void forget(std::uint32_t client);
  void reset();
  /// Bytes held now (influences, accumulators, last updates; snapshots bound to tasks not counted).
  std::int64_t bytes() const;

 private:
  LedgerNeeds needs_;
  bool whole_model_ = false;
  std::vector<Tracked> clients_;
  /// Which vector of which client each appended output replaces.
  struct Slot {
    std::size_t client;
    bool accumulator;
    std::size_t shard = 0;  ///< of an influence, where it is kept by shard
  };
  Tracked untouched(std::uint32_t client) const;
  void extend_shards(std::size_t client, const MergePlan& plan, engine::CombineJob& job);
  model::ParametersPtr& vector_of(const Slot& slot);

  std::vector<Slot> pending_;
};

}  // namespace afu::aggregate
