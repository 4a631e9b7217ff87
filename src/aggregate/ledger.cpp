#include "aggregate/ledger.hpp"

#include <algorithm>

namespace afu::aggregate {

using compute::Combination;
using model::ParametersPtr;

Ledger::Ledger(LedgerNeeds needs, const std::vector<std::uint32_t>& clients) : needs_(needs) {
  if (!needs.any()) return;
  for (auto c : clients)
    if (!find(c)) clients_.push_back({c, {}, {}, 0, {}, {}, 0, 0});
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

void Ledger::extend(const MergePlan& plan, compute::CombineJob& job) {
  pending_.clear();
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    const auto& t = clients_[i];
    if (needs_.influence || (needs_.accumulator && !plan.whole_model)) {
      Combination c{t.influence, t.influence ? plan.keep : 1.0, {}, {}};
      for (const auto& p : plan.parts) {
        if (plan.whole_model && i < p.arrival.base_influence.size() && p.arrival.base_influence[i])
          c.terms.push_back({p.coefficient, p.arrival.base_influence[i], nullptr});
        if (p.arrival.client == t.client)
          c.terms.push_back({p.coefficient, p.arrival.delta, p.arrival.guard});
      }
      const bool changes = !c.terms.empty() || (t.influence && plan.keep != 1.0);
      if (changes) {
        pending_.push_back({i, false});
        job.outputs.push_back(std::move(c));
      }
    }
    if (needs_.accumulator && plan.whole_model) {
      Combination c{t.accumulator, t.accumulator ? plan.keep : 1.0, {}, {}};
      for (const auto& p : plan.parts)
        if (p.arrival.client == t.client) {
          c.terms.push_back({p.coefficient, p.arrival.base, nullptr});
          c.terms.push_back({p.coefficient, p.arrival.delta, p.arrival.guard});
        }
      if (!c.terms.empty() || t.accumulator) {
        pending_.push_back({i, true});
        job.outputs.push_back(std::move(c));
      }
    }
  }
}

void Ledger::apply(const MergePlan& plan, const std::vector<ParametersPtr>& outputs,
                   std::size_t first_output) {
  for (std::size_t k = 0; k < pending_.size() && first_output + k < outputs.size(); ++k) {
    auto& t = clients_[pending_[k].client];
    (pending_[k].accumulator ? t.accumulator : t.influence) = outputs[first_output + k];
  }
  pending_.clear();
  for (auto& t : clients_) {
    t.mass *= plan.whole_model ? plan.keep : 1.0;
    for (const auto& p : plan.parts) {
      if (p.arrival.client != t.client) continue;
      ++t.contributions;
      if (plan.whole_model) t.mass += p.coefficient;
      if (needs_.last_update) {
        t.last_base = p.arrival.base;
        t.last_delta = p.arrival.delta;
        t.last_weight = p.coefficient;
      }
    }
  }
}

void Ledger::forget(std::uint32_t client) {
  for (auto& t : clients_)
    if (t.client == client) t = Tracked{client, {}, {}, 0, {}, {}, 0, 0};
}

void Ledger::reset() {
  for (auto& t : clients_) t = Tracked{t.client, {}, {}, 0, {}, {}, 0, 0};
}

std::int64_t Ledger::bytes() const {
  std::int64_t b = 0;
  for (const auto& t : clients_)
    b += model::byte_size(t.influence) + model::byte_size(t.accumulator) + model::byte_size(t.last_delta);
  return b;
}

}  // namespace afu::aggregate
