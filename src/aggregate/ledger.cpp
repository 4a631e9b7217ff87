#include "aggregate/ledger.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "engine/combine_job.hpp"

namespace afu::aggregate {

using engine::Combination;
using model::ParametersPtr;

/// Of a client that nothing was merged of.
Tracked Ledger::untouched(std::uint32_t client) const {
  Tracked t;
  t.client = client;
  if (needs_.by_shard()) t.shards.resize(needs_.shards);
  return t;
}

Ledger::Ledger(LedgerNeeds needs, const std::vector<std::uint32_t>& clients, bool whole_model)
    : needs_(needs), whole_model_(whole_model) {
  if (!needs.any()) return;
  for (auto c : clients)
    if (!find(c)) clients_.push_back(untouched(c));
}

const Tracked* Ledger::find(std::uint32_t client) const {
  auto i =
      std::find_if(clients_.begin(), clients_.end(), [&](const Tracked& t) { return t.client == client; });
  return i == clients_.end() ? nullptr : &*i;
}

std::vector<ParametersPtr> Ledger::snapshot() const {
  std::vector<ParametersPtr> s;
  s.reserve(clients_.size());
  for (const auto& t : clients_) s.push_back(t.influence);
  return s;
}

void Ledger::extend_shards(std::size_t client, const MergePlan& plan, engine::CombineJob& job) {
  const auto& t = clients_[client];
  for (std::size_t s = 0; s < t.shards.size(); ++s) {
    Combination c{t.shards[s], 1.0, {}, {}};
    for (const auto& p : plan.parts) {
      if (p.arrival.client != t.client) continue;
      if (p.arrival.parts.size() != t.shards.size())
        throw std::logic_error(
            "an update of a client whose ledger is kept by shard has other parts than shards");
      c.terms.push_back({p.coefficient, p.arrival.parts[s], nullptr});
      if (t.shards[s] && !plan.correction) c.keep *= 1 - needs_.decay;
    }
    if (c.terms.empty()) continue;
    pending_.push_back({client, false, s});
    job.outputs.push_back(std::move(c));
  }
}

ParametersPtr& Ledger::vector_of(const Slot& slot) {
  auto& t = clients_[slot.client];
  if (slot.accumulator) return t.accumulator;
  return needs_.by_shard() ? t.shards[slot.shard] : t.influence;
}

void Ledger::extend(const MergePlan& plan, engine::CombineJob& job) {
  pending_.clear();
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    const auto& t = clients_[i];
    if (needs_.by_shard()) {
      extend_shards(i, plan, job);
    } else if (needs_.influence || (needs_.accumulator && !whole_model_)) {
      Combination c{t.influence, t.influence ? plan.keep : 1.0, {}, {}};
      for (const auto& p : plan.parts) {
        if (plan.whole_model && i < p.arrival.base_influence.size() && p.arrival.base_influence[i])
          c.terms.push_back({p.coefficient, p.arrival.base_influence[i], nullptr});
        if (p.arrival.client == t.client) {
          c.terms.push_back({p.coefficient, p.arrival.delta, p.arrival.guard, p.arrival.guards});
          if (t.influence && !plan.correction) c.keep *= 1 - needs_.decay;
        }
      }
      const bool changes = !c.terms.empty() || (t.influence && plan.keep != 1.0);
      if (changes) {
        pending_.push_back({i, false});
        job.outputs.push_back(std::move(c));
      }
    }
    if (needs_.accumulator && whole_model_) {
      Combination c{t.accumulator, t.accumulator ? plan.keep : 1.0, {}, {}};
      for (const auto& p : plan.parts) {
        if (p.arrival.client != t.client) continue;
        if (plan.whole_model) {
          c.terms.push_back({p.coefficient, p.arrival.base, nullptr});
          for (const auto& [weight, vector] : p.arrival.rebase)
            c.terms.push_back({p.coefficient * weight, vector, nullptr});
        }
        c.terms.push_back({p.coefficient, p.arrival.delta, p.arrival.guard, p.arrival.guards});
      }
      if (!c.terms.empty() || (t.accumulator && plan.keep != 1.0)) {
        pending_.push_back({i, true});
        job.outputs.push_back(std::move(c));
      }
    }
  }
}

void Ledger::apply(const MergePlan& plan, const std::vector<ParametersPtr>& outputs,
                   std::size_t first_output) {
  for (std::size_t k = 0; k < pending_.size() && first_output + k < outputs.size(); ++k)
    vector_of(pending_[k]) = outputs[first_output + k];
  pending_.clear();
  for (auto& t : clients_) {
    t.mass *= plan.whole_model ? plan.keep : 1.0;
    if (!plan.correction) t.last_model.reset();
    for (const auto& p : plan.parts) {
      t.all_weights += p.coefficient;
      if (p.arrival.client != t.client) continue;
      t.weight += p.coefficient;
      if (plan.correction) {
        if (t.last_delta == p.arrival.delta) t.last_weight += p.coefficient;
        continue;
      }
      ++t.contributions;
      if (plan.whole_model) t.mass += p.coefficient;
      if (needs_.last_update) {
        t.last_base = p.arrival.base;
        t.last_delta = p.arrival.delta;
        t.last_weight = p.coefficient;
        t.last_model = outputs.empty() ? nullptr : outputs.front();
      }
    }
  }
}

std::vector<Combination> Ledger::removal(std::uint32_t client, const ParametersPtr& model,
                                         bool whole_model) const {
  const auto* target = find(client);
  const auto vector = !target ? nullptr : whole_model ? target->accumulator : target->influence;
  if (!vector) {
    if (target && target->contributions > 0)
      throw std::logic_error("the ledger counts contributions of a client and holds none");
    return {{model, 1.0, {}, {}}, {model, 0.0, {}, {}}};
  }
  if (!whole_model)
    return {{model, 1.0, {{-1.0, vector, nullptr}}, {}}, {nullptr, 1.0, {{-1.0, vector, nullptr}}, {}}};
  const double keep = 1.0 / (1.0 - target->mass);
  std::vector<Combination> result{{model, keep, {{-keep, vector, nullptr}}, {}},
                                  {model, keep - 1.0, {{-keep, vector, nullptr}}, {}}};
  for (const auto& t : clients_)
    if (t.client != client && t.accumulator) result.push_back({t.accumulator, keep, {}, {}});
  return result;
}

void Ledger::apply_removal(std::uint32_t client, const std::vector<ParametersPtr>& outputs,
                           std::size_t first_output, bool whole_model) {
  const auto* target = find(client);
  if (!whole_model || !target || !target->accumulator) return;
  const double keep = 1.0 / (1.0 - target->mass);
  for (auto& t : clients_) {
    if (t.client == client || !t.accumulator) continue;
    t.accumulator = outputs.at(first_output++);
    t.mass *= keep;
  }
}

void Ledger::take_out(const TakenOut& part, ParametersPtr rest) {
  for (auto& t : clients_) {
    if (t.client != part.client) continue;
    const auto since = t.contributions - std::min(t.contributions, part.contributions);
    t = untouched(part.client);
    t.influence = std::move(rest);
    t.contributions = since;
  }
}

void Ledger::take_out_shards(const TakenOut& part, std::vector<ParametersPtr> rests) {
  for (auto& t : clients_) {
    if (t.client != part.client) continue;
    for (std::size_t k = 0; k < part.shards.size(); ++k)
      t.shards.at(part.shards[k].number) = std::move(rests.at(k));
    if (std::any_of(t.shards.begin(), t.shards.end(), [](const auto& v) { return v != nullptr; })) continue;
    const auto since = t.contributions - std::min(t.contributions, part.contributions);
    t = untouched(part.client);
    t.contributions = since;
  }
}

void Ledger::forget(std::uint32_t client) {
  for (auto& t : clients_)
    if (t.client == client) t = untouched(client);
}

void Ledger::reset() {
  for (auto& t : clients_) t = untouched(t.client);
}

std::int64_t Ledger::bytes() const {
  std::int64_t b = 0;
  for (const auto& t : clients_) {
    for (const auto& v : t.shards) b += model::byte_size(v);
    b += model::byte_size(t.influence) + model::byte_size(t.accumulator) + model::byte_size(t.last_delta);
  }
  return b;
}

}  // namespace afu::aggregate
