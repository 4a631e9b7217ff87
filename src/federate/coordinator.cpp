/// Training: tasks, rounds, updates. Merges are in coordinator_merge.cpp, requests in
/// coordinator_erasure.cpp, clusters in coordinator_clusters.cpp.
#include "federate/coordinator.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/random.hpp"
#include "config/scenario.hpp"
#include "config/text.hpp"
#include "data/non_members.hpp"
#include "data/requests.hpp"
#include "methods/registry.hpp"
#include "train/train_job.hpp"

namespace afu::federate {

using Kind = record::Decision::Kind;

namespace {
constexpr std::uint64_t task_overhead_bytes = 64;  ///< what a message carries beside the parameters

/// A client asks for itself; for a class the server does. What is due at a number of updates or rounds comes
/// before all else that happens at that moment.
Post request_post(const methods::Request& r, double at, bool first) {
  const auto from =
      r.client == methods::no_client ? record::server_node : record::first_client_node + r.client;
  return {from, record::server_node, at, -1, true, 0, EraseRequest{r.index}, first};
}

}  // namespace

Coordinator::Coordinator(Setup setup)
    : setup_(std::move(setup)), method_(methods::find_method(scenario().unlearning.method)) {
  const auto& s = scenario();
  double total = 0;
  for (auto n : setup_.samples) total += n;
  mean_samples_ = std::max(1.0, total / static_cast<double>(setup_.samples.size()));
  rule_ = aggregate::make_rule(s.training.rule, s.training, mean_samples_, setup_.samples.size());
  std::vector<std::uint32_t> tracked;
  for (const auto& e : s.erasures)
    if (e.client >= 0) tracked.push_back(static_cast<std::uint32_t>(e.client));
  std::sort(tracked.begin(), tracked.end());
  tracked.erase(std::unique(tracked.begin(), tracked.end()), tracked.end());
  needs_ = methods::needs_of(method_, s);
  ledger_ = aggregate::Ledger(needs_, tracked, rule_->whole_model());
  history_ = aggregate::History(needs_.history, tracked, rule_->synchronous() ? 0 : setup_.samples.size());
  if (needs_.clusters.count > 0)
    clusters_ = std::make_unique<Clusters>(needs_.clusters, setup_.samples.size(), tracked, setup_.initial);
  keep_bases_ = rule_->whole_model() || ledger_.needs().last_update;
  model_ = setup_.initial;
  for (const auto& name : s.output.audit_updates)
    if (const auto job = config::job_named(name)) audits_.insert(*job);

  clients_.resize(setup_.samples.size());
  const auto coordination = methods::coordination(method_, s.unlearning.coordination);
  requests_.resize(s.erasures.size());
  for (std::size_t i = 0; i < s.erasures.size(); ++i) {
    auto& r = requests_[i].request;
    const auto& e = s.erasures[i];
    r.index = static_cast<std::uint32_t>(i);
    r.scope = methods::scope_named(e.scope);
    r.label = e.label;
    r.coordination = coordination;
    auto& record = requests_[i].record;
    record.client = e.client;
    record.request = r.index;
    record.scope = e.scope;
    record.label = e.label;
    if (r.scope == methods::Scope::data_class) {
      r.forget_count = std::llround(total / static_cast<double>(std::max<std::int64_t>(1, s.data.classes)));
    } else {
      r.client = static_cast<std::uint32_t>(e.client);
      clients_[r.client].asked = true;
      r.forget_count = data::samples_asked(r.scope == methods::Scope::samples ? e.fraction : 1.0,
                                           setup_.samples[r.client]);
    }
    if (i < setup_.forget.size() && setup_.forget[i]) {
      r.forget = setup_.forget[i];
      r.forget_count = static_cast<std::int64_t>(r.forget->size());
      if (r.client != methods::no_client && setup_.data)
        r.non_members = data::non_members(*setup_.data, *r.forget, *setup_.data->clients[r.client].holdout,
                                          s.scenario.seed);
    }
    record.samples = r.forget_count;
  }
}

void Coordinator::start(double now, Effects& fx) {
  now_ = now;
  idle_.resize(clients_.size());
  for (std::uint32_t c = 0; c < clients_.size(); ++c) idle_[c] = c;
  const auto& erasures = scenario().erasures;
  for (std::uint32_t i = 0; i < erasures.size(); ++i)
    if (erasures[i].at_seconds >= 0) {
      requests_[i].requested = true;
      fx.posts.push_back(request_post(requests_[i].request, erasures[i].at_seconds, false));
    }
  post_due(fx);
  evaluate(fx);
  needs_work_ = true;
  settle(fx);
}

// ---- tasks

void Coordinator::task(std::uint32_t client, Effects& fx) {
  auto& c = clients_[client];
  ++c.job;
  c.busy = true;
  c.since = static_cast<float>(now_);
  ++in_flight_;
  if (keep_bases_)
    outgoing_[client] = {model_, rule_->whole_model() ? ledger_.snapshot() : std::vector<ParametersPtr>{}};
  if (clusters_) clusters_->sent(client, now_);
  fx.posts.push_back(
      {record::server_node, record::first_client_node + client, 0, client, false,
       setup_.model_bytes + task_overhead_bytes,
       TrainTask{c.job, clusters_ ? clusters_->version(client) : version_, epoch_, c.honours,
                 clusters_ ? clusters_->model(client) : model_, task_extras_, auxiliary_for(client)}});
}

/// FedAU: who may ask trains its auxiliary head along, on what it will ask to have forgotten.
std::shared_ptr<const train::AuxiliaryHead> Coordinator::auxiliary_for(std::uint32_t client) const {
  if (!needs_.auxiliary_head || !clients_[client].asked || timing()) return nullptr;
  train::AuxiliaryHead a;
  for (const auto& r : requests_)
    if (r.request.client == client && !r.requested) {
      a.relabelled = r.request.forget;
      a.gamma = r.request.scope == methods::Scope::client ? needs_.auxiliary_gamma : 1.0;
      break;
    }
  if (!a.relabelled) return nullptr;
  a.backbone = needs_.auxiliary_backbone;
  if (auto i = auxiliary_.find(client); i != auxiliary_.end()) a.head = i->second;
  return std::make_shared<const train::AuxiliaryHead>(std::move(a));
}

void Coordinator::collect_task(const CollectTask& work, std::uint32_t client, Effects& fx) {
  fx.posts.push_back({record::server_node, record::first_client_node + client, 0, client, false,
                      setup_.model_bytes + task_overhead_bytes, work});
}

void Coordinator::fill(Effects& fx) {
  const auto cap = scenario().training.max_in_flight;
  if (cap == 0 || cap >= static_cast<std::int64_t>(clients_.size())) {
    if (idle_.size() > 16) fx.posts.reserve(fx.posts.size() + idle_.size());
    for (auto c : idle_) task(c, fx);
    idle_.clear();
    return;
  }
  while (!idle_.empty() && in_flight_ < static_cast<std::uint64_t>(cap)) {
    base::Stream stream({scenario().scenario.seed, base::purpose("select"), 0, selections_++});
    std::swap(idle_[stream.below(idle_.size())], idle_.back());
    const auto c = idle_.back();
    idle_.pop_back();
    task(c, fx);
  }
}

void Coordinator::start_round(Effects& fx) {
  if (round_open_ || idle_.empty()) return;
  std::sort(idle_.begin(), idle_.end());
  auto chosen = idle_;
  const auto wanted = static_cast<std::size_t>(scenario().training.clients_per_round);
  if (wanted > 0 && wanted < chosen.size()) {
    base::Stream stream({scenario().scenario.seed, base::purpose("select"), 0, round_});
    base::shuffle(chosen, stream);
    chosen.resize(wanted);
    std::sort(chosen.begin(), chosen.end());
  }
  std::vector<std::uint32_t> rest;
  std::set_difference(idle_.begin(), idle_.end(), chosen.begin(), chosen.end(), std::back_inserter(rest));
  idle_ = std::move(rest);
  round_open_ = true;
  round_outstanding_ = chosen.size();
  for (auto c : chosen) task(c, fx);
}

void Coordinator::give_work(Effects& fx) {
  if (halts_ > 0 || stopped_) return;
  needs_work_ = false;
  if (rule_->synchronous())
    start_round(fx);
  else
    fill(fx);
}

void Coordinator::release(std::uint32_t client) {
  auto& c = clients_[client];
  if (!c.busy) return;
  c.busy = false;
  --in_flight_;
  if (round_open_) --round_outstanding_;
  outgoing_.erase(client);
  if (!c.excluded) idle_.push_back(client);
  needs_work_ = true;
}

void Coordinator::abandon_all() {
  round_open_ = false;
  for (std::uint32_t c = 0; c < clients_.size(); ++c)
    if (clients_[c].busy) release(c);
}

// ---- updates

void Coordinator::on(double now, const Update& m, Effects& fx) {
  now_ = now;
  if (!audits_.empty()) audit(m, fx);
  auto& c = clients_[m.client];
  if (m.job != c.job || (!c.busy && !c.excluded)) {  // a job that was abandoned for a newer one
    ++unused_.rejected_updates;
    if (clusters_ && clusters_->predates(m.client, m.base_version))
      decide(Kind::rejected, m.client, version_ - m.base_version, 0, fx);
    return;
  }
  samples_trained_ += static_cast<std::uint64_t>(m.passes);
  if (c.excluded) {
    ++unused_.rejected_updates;
    decide(Kind::rejected, m.client, version_ - m.base_version, 0, fx);
    for (auto& a : requests_)
      if (a.request.client == m.client && a.requested) ++a.record.lost_updates;
    return;
  }
  accept(m, fx);
  settle(fx);
}

void Coordinator::on(double now, const Dropped& m, Effects& fx) {
  now_ = now;
  auto& c = clients_[m.client];
  if (m.job != 0 && m.job != c.job) return;
  for (auto& a : requests_)  // asked again: the barrier waits for it
    if (auto i = a.collecting.find(m.client); i != a.collecting.end()) {
      i->second.job = ++c.job;
      collect_task(i->second, m.client, fx);
      return settle(fx);
    }
  if (!c.busy) return;
  ++unused_.lost_jobs;
  release(m.client);
  end_of_round();
  reckon(fx);
  settle(fx);
}

void Coordinator::accept(const Update& m, Effects& fx) {
  aggregate::Arrival a;
  a.client = m.client;
  a.base_version = m.base_version;
  a.staleness = clusters_ ? clusters_->staleness(m.client) : version_ - m.base_version;
  a.samples = m.samples;
  a.delta = m.delta;
  if (auto o = outgoing_.find(m.client); o != outgoing_.end()) {
    a.base = std::move(o->second.base);
    a.base_influence = std::move(o->second.influence);
  }
  release(m.client);

  Kind kind = Kind::merged;
  bool as_difference = false;
  if (!clusters_ && m.base_epoch < epoch_) {  // late: its base still held what has been erased
    for (auto& r : requests_)
      if (r.record.merged_at && *r.record.merged_at <= now_ && !r.restarted) ++r.record.late_updates;
    const auto& policy = scenario().unlearning.late;
    if (policy == "drop") {
      decide(Kind::late_dropped, m.client, a.staleness, 0, fx);
      for (auto& r : requests_)
        if (r.record.merged_at) ++r.record.lost_updates;
      ++unused_.late_updates_dropped;
      end_of_round();
      reckon(fx);
      return;
    }
    a.late = true;
    kind = policy == "accept"  ? Kind::late_accepted
           : policy == "guard" ? Kind::late_guarded
                               : Kind::late_rebased;
    if (policy == "guard") {
      as_difference = true;
      if (!corrections_.empty() && !corrections_.back().vectors.empty())
        a.guard = corrections_.back().vectors.front().second;
    } else if (policy == "rebase") {
      for (const auto& correction : corrections_)
        if (correction.epoch > m.base_epoch)
          a.rebase.insert(a.rebase.end(), correction.vectors.begin(), correction.vectors.end());
    }
  }
  if (!m.finite)
    return diverge({"update", m.client, m.job, std::nullopt, m.base_version, updates_, now_}, fx);
  ++updates_, ++accepted_total_, ++clients_[m.client].accepted;
  shortened_.updates += m.shortened;
  if (m.auxiliary) auxiliary_[m.client] = m.auxiliary;
  for (auto& r : requests_)  // a retraining is work that clients do for the method
    if (retrains(r, m.client)) {
      r.record.client_passes += static_cast<double>(m.passes);
      break;
    }
  if (!requests_.empty() && !clients_[m.client].asked) accepted_.push_back({now_, m.client});

  const auto staleness = a.staleness;
  const bool held = clusters_ && clusters_->profiling();  // its next task is of its cluster's model
  auto plan = clusters_ ? clusters_->add(std::move(a), now_) : rule_->add(std::move(a));
  if (held) idle_.erase(std::remove(idle_.begin(), idle_.end(), m.client), idle_.end());
  if (!plan) {
    decide(Kind::buffered, m.client, staleness, 0, fx);
  } else {
    if (as_difference && plan->whole_model) {  // never mixed as a model
      plan->whole_model = false;
      plan->keep = 1.0;
    }
    merges_.push_back(merge_of(std::move(*plan), {kind}));
  }
  end_of_round();
  reckon(fx);
}

void Coordinator::end_of_round() {
  if (!round_open_ || round_outstanding_ > 0) return;
  round_open_ = false;
  needs_work_ = true;
  if (auto plan = rule_->flush()) {
    std::vector<Kind> kinds(plan->parts.size(), Kind::merged);
    merges_.push_back(merge_of(std::move(*plan), std::move(kinds)));
    ++round_;
  }
}

/// Has those ask whose number of updates or rounds is reached.
void Coordinator::post_due(Effects& fx) {
  for (std::uint32_t i = 0; i < requests_.size(); ++i) {
    auto& a = requests_[i];
    const auto& e = scenario().erasures[i];
    const bool due = (e.at_update >= 0 && updates_ >= static_cast<std::uint64_t>(e.at_update)) ||
                     (e.at_round >= 0 && round_ >= static_cast<std::uint64_t>(e.at_round));
    if (a.requested || !due) continue;
    a.requested = true;
    fx.posts.push_back(request_post(a.request, 0, true));
  }
}

/// What the numbers of updates and rounds bring about: requests, and the end.
void Coordinator::reckon(Effects& fx) {
  post_due(fx);
  const auto& s = scenario();
  const bool waiting = std::any_of(requests_.begin(), requests_.end(), [](const Active& a) {
    return a.requested && !a.record.forgotten_at && a.restarted;  // a retraining is always seen to its end
  });
  if (waiting) return;
  if ((s.stop.updates > 0 && updates_ >= static_cast<std::uint64_t>(s.stop.updates)) ||
      (s.stop.rounds > 0 && round_ >= static_cast<std::uint64_t>(s.stop.rounds)))
    stopped_ = true;
}

// ---- what is told

void Coordinator::decide(Kind kind, std::uint32_t client, std::uint64_t staleness, double weight,
                         Effects& fx) {
  fx.decisions.push_back({now_, kind, client, version_, epoch_, staleness, weight});
}

std::string Coordinator::phase() const {
  bool forgotten = false;
  for (const auto& a : requests_) {
    if (a.procedure && !a.record.forgotten_at && !a.done) return "erasing";
    forgotten = forgotten || a.record.forgotten_at || a.done;
  }
  return forgotten ? "forgotten" : "training";
}

Evaluation Coordinator::evaluation(double now) const {
  Evaluation e;
  e.row.version = version_;
  e.row.epoch = epoch_;
  e.row.updates = updates_;
  e.row.time = now;
  e.row.phase = phase();
  e.model = model_;
  return e;
}

void Coordinator::evaluate(Effects& fx, std::optional<std::uint32_t> request) {
  last_evaluated_updates_ = updates_;
  if (timing()) return;
  auto e = evaluation(now_);
  e.request = request;
  e.before_erasure = request && !std::exchange(before_taken_, true);
  if (version_ == last_evaluated_version_ && !request && e.row.phase == "training") return;
  last_evaluated_version_ = version_;
  fx.evaluations.push_back(std::move(e));
}

}  // namespace afu::federate
