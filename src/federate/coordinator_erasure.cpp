/// Requests: what the server does with an unlearning method's steps.
#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "config/scenario.hpp"
#include "data/requests.hpp"
#include "federate/coordinator.hpp"

namespace afu::federate {

using Kind = record::Decision::Kind;

bool Coordinator::exclusive(const Active& a) const {
  return a.request.coordination == methods::Coordination::blocking || method_.traits.restarts;
}

void Coordinator::on(double now, const EraseRequest& m, Effects& fx) {
  now_ = now;
  auto& a = requests_[m.request];
  a.record.requested_at = now_;
  a.requested = true;
  a.calibrated_updates = updates_;
  evaluate(fx, m.request);
  leave_out_erased(a);
  a.procedure = method_.start(a.request);
  if (a.repeats = taken_before(a); !a.repeats.empty()) {
    a.done = true;
    return settle(fx);
  }
  look_for_target(m.request);
  drop_anchor();
  if (a.request.scope == methods::Scope::data_class)
    take_class_request(a);
  else
    take_client_request(a);
  end_of_round();
  reckon(fx);
  const bool busy = std::any_of(requests_.begin(), requests_.end(), [&](const Active& other) {
    return &other != &a && other.procedure && !other.done && exclusive(other);
  });
  if (!(exclusive(a) && busy)) a.waiting = Active::Waiting::turn;
  settle(fx);
}

/// The requests that erase, or have erased, all that `a` covers; none: something is left.
std::vector<std::size_t> Coordinator::taken_before(const Active& a) const {
  const auto& r = a.request;
  std::vector<std::size_t> whole, parts;
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    const auto& other = requests_[i];
    if (&other == &a || !other.procedure) continue;
    if (r.scope == methods::Scope::data_class) {
      if (other.request.scope == r.scope && other.request.label == r.label) whole.push_back(i);
    } else if (other.request.client == r.client && other.request.scope == methods::Scope::client) {
      whole.push_back(i);
    } else if (other.request.client == r.client || other.request.scope == methods::Scope::data_class) {
      parts.push_back(i);
    }
  }
  if (!whole.empty()) return {whole.front()};
  if (r.forget && r.forget->empty()) return parts;
  return {};
}

/// What earlier requests have left of the rows that `a` is to erase at its target.
void Coordinator::leave_out_erased(Active& a) const {
  auto& r = a.request;
  if (!r.forget || r.client == methods::no_client) return;
  std::vector<data::IndicesPtr> erased;
  for (const auto& other : requests_)
    if (&other != &a && other.procedure && other.request.scope != methods::Scope::client &&
        (other.request.client == r.client || other.request.client == methods::no_client))
      erased.push_back(setup_.forget[other.request.index]);
  r.forget = data::rows_without(r.forget, erased);
  r.forget_count = static_cast<std::int64_t>(r.forget->size());
}

/// Whatever the target still sends was trained on what must go (src/federate/README.md, A request). Nobody
/// waits for it.
void Coordinator::take_client_request(Active& a) {
  const auto client = a.request.client;
  auto& c = clients_[client];
  c.excluded = true;
  if (a.request.scope == methods::Scope::samples)
    ++c.held;
  else
    c.leaving = true;
  release(client);
  idle_.erase(std::remove(idle_.begin(), idle_.end(), client), idle_.end());
  a.record.lost_updates += clusters_ ? clusters_->forget(client) : rule_->forget(client);
}

/// Everybody may own samples of the class: what is being trained on them is void, all begin anew without
/// them.
void Coordinator::take_class_request(Active& a) {
  for (std::uint32_t c = 0; c < clients_.size(); ++c) {
    a.record.lost_updates += clients_[c].busy + rule_->forget(c);
    clients_[c].honours |= std::uint64_t{1} << a.request.index;
  }
  abandon_all();
  needs_work_ = true;
}

void Coordinator::on(double now, const CollectResult& m, Effects& fx) {
  now_ = now;
  auto& a = requests_[m.request];
  const auto i = a.collecting.find(m.client);
  if (i == a.collecting.end() || i->second.job != m.job) return;  // of work that was asked for anew
  a.record.client_passes += i->second.passes;
  if (m.result && m.result->not_finite)
    return diverge({"work", m.client, m.job, m.request, version_, updates_, now_}, fx);
  if (m.result) shortened_.erasure_work += m.result->figures.count("shortened");
  a.collecting.erase(i);
  a.collected.emplace_back(m.client, m.result);
  if (a.collecting.empty() && a.waiting == Active::Waiting::collect) {
    std::sort(a.collected.begin(), a.collected.end(),
              [](const auto& x, const auto& y) { return x.first < y.first; });
    advance(m.request, nullptr, fx);
  }
  settle(fx);
}

void Coordinator::on(double now, const EraseResult& m, Effects& fx) {
  now_ = now;
  if (m.result && m.result->not_finite) {
    const auto& r = requests_[m.request].request;
    const auto client = r.client == methods::no_client ? std::nullopt : std::optional{r.client};
    return diverge({"erasure", client, std::nullopt, m.request, version_, updates_, now_}, fx);
  }
  advance(m.request, m.result.get(), fx);
  settle(fx);
}

void Coordinator::on(double now, const CalibrateResult& m, Effects& fx) {
  now_ = now;
  const bool gate_failed = m.probe && m.result && !std::isfinite(m.result->figures.at("scale"));
  if (gate_failed || (m.result && m.result->not_finite)) {
    const auto request = m.request == no_request ? std::nullopt : std::optional<std::uint64_t>{m.request};
    const auto* what = m.probe ? "gate's answer" : request ? "calibration" : "Fisher information";
    return diverge({what, std::nullopt, std::nullopt, request, m.base_version, updates_, now_}, fx);
  }
  if (m.probe) {
    probed(m);
  } else if (m.request == no_request) {
    if (clusters_)
      clusters_->answered(m.result ? m.result->numbers : std::vector<double>{});
    else
      take_fisher(m);
  } else if (auto& a = requests_[m.request]; a.unsettled) {
    settle_statistics(a, m.result.get(), fx);
    if (a.waiting == Active::Waiting::nothing) advance(m.request, nullptr, fx);
  } else {
    calibration_computed(requests_[m.request], m.result.get());
    advance(m.request, m.result.get(), fx);
  }
  settle(fx);
}

methods::View Coordinator::view(const Active& a) const {
  methods::View v;
  v.scenario = setup_.scenario.get();
  v.settings = &scenario().unlearning.methods.at(method_.name);
  v.version = version_;
  v.epoch = epoch_;
  v.updates = updates_;
  v.clients = static_cast<std::int64_t>(clients_.size());
  v.classes = setup_.data ? setup_.data->classes() : scenario().data.classes;
  v.synchronous = rule_->synchronous();
  v.model = model_;
  v.initial = setup_.initial;
  v.target = ledger_.find(a.request.client);
  v.history = &history_;
  if (auto i = auxiliary_.find(a.request.client); i != auxiliary_.end()) v.auxiliary = i->second;
  v.collected = a.collected;
  if (a.request.client != methods::no_client) {
    v.target_samples = training_samples(setup_, a.request.client, clients_[a.request.client].honours);
    if (setup_.data) v.target_holdout = setup_.data->clients.at(a.request.client).holdout;
  }
  v.participants = [this, &a] { return participants(a); };
  v.environments = environments();
  return v;
}

/// Who can be asked to compute for `a`: all that are not excluded, and the target where it keeps a part.
std::vector<methods::Participant> Coordinator::participants(const Active& a) const {
  // The request's own bit; a whole client's has none.
  const auto own = a.request.scope == methods::Scope::client ? 0 : std::uint64_t{1} << a.request.index;
  std::vector<methods::Participant> all;
  for (std::uint32_t c = 0; c < clients_.size(); ++c) {
    auto honours = clients_[c].honours;
    if (clients_[c].excluded) {
      if (c != a.request.client || a.request.scope != methods::Scope::samples) continue;
      honours |= own;
    }
    all.push_back({c, training_samples(setup_, c, honours), training_rows(setup_, c, honours),
                   training_rows(setup_, c, honours & ~own)});
  }
  return all;
}

void Coordinator::advance(std::size_t request, const job::JobResult* result, Effects& fx) {
  auto& a = requests_[request];
  using W = Active::Waiting;
  a.waiting = W::nothing;
  while (a.waiting == W::nothing && !a.done) {
    auto step = a.procedure->next(view(a), result);
    result = nullptr;
    a.collected.clear();
    std::visit([&](auto& s) { perform(a, s, fx); }, step);
  }
  if (a.done) finished(a);
}

void Coordinator::finished(Active& a) {
  using W = Active::Waiting;
  const auto client = a.request.client;
  if (a.request.scope == methods::Scope::samples) readmit(a);
  a.guard.reset();  // derived from what is erased
  a.guarded.reset();
  a.gate.reset();
  if (client != methods::no_client) {
    ledger_.forget(client);
    history_.forget(client);
    auxiliary_.erase(client);
  }
  for (auto& other : requests_)  // the next of those that are served one after the other
    if (other.procedure && !other.done && other.waiting == W::nothing) {
      other.waiting = W::turn;
      break;
    }
}

void Coordinator::restart(Active& a, bool barrier, Effects& fx) {
  a.restarted = true;
  begin_interval(a);
  for (const auto& c : clients_) a.record.lost_updates += c.busy;
  abandon_all();
  ledger_.reset();
  history_.reset();
  auxiliary_.clear();
  corrections_.clear();
  probes_.clear();
  model_ = setup_.restart ? setup_.restart : setup_.initial;
  ++version_, ++epoch_;
  round_ = 0;
  if (a.request.scope == methods::Scope::samples) readmit(a);
  renew_rule();
  if (barrier && !rule_->synchronous()) {
    a.barrier = true;
    parked_rule_ = std::exchange(rule_, aggregate::make_rule("fedavg", scenario().training, mean_samples_));
  }
  updates_ = 0;
  for (auto& c : clients_)
    if (c.excluded)
      updates_ += c.accepted;  // of the lineage that ends
    else
      c.accepted = 0;
  last_evaluated_updates_ = updates_;
  decide(Kind::restarted, a.request.client, 0, 0, fx);
  needs_work_ = true;
}

/// The training rule anew, which weighs as if those that take part now were all there ever were.
void Coordinator::renew_rule() {
  double total = 0;
  std::size_t staying = 0;
  for (std::uint32_t c = 0; c < clients_.size(); ++c) {
    if (clients_[c].excluded) continue;
    total += static_cast<double>(training_samples(setup_, c, clients_[c].honours));
    ++staying;
  }
  mean_samples_ = staying > 0 ? std::max(1.0, total / static_cast<double>(staying)) : 1.0;
  rule_ = aggregate::make_rule(scenario().training.rule, scenario().training, mean_samples_, staying);
}

/// The rest of the target's samples takes part again, unless it has asked for more meanwhile.
void Coordinator::readmit(Active& a) {
  if (std::exchange(a.readmitted, true)) return;
  auto& c = clients_[a.request.client];
  c.honours |= std::uint64_t{1} << a.request.index;
  if (--c.held > 0 || c.leaving) return;
  c.excluded = false;
  ++c.job;  // what it may still be working on is void
  idle_.push_back(a.request.client);
  needs_work_ = true;
}

void Coordinator::begin_interval(Active& a) {
  if (!a.interval_began) a.interval_began = now_;
}

void Coordinator::end_interval(Active& a) {
  if (a.interval_began) a.halted.push_back({*a.interval_began, now_});
  a.interval_began.reset();
}

}  // namespace afu::federate
