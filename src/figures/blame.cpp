#include "figures/blame.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace afu::figures {

namespace {

using record::Decision;
using record::Event;
using record::EventType;
using Kind = Decision::Kind;

/// One client's job, from the server back to the server.
struct Job {
  std::uint32_t client = 0;
  double sent = 0, received = 0;     ///< the task
  double begun = 0, ended = 0;       ///< the computation
  double departed = 0, arrived = 0;  ///< the update, or the notice of its loss
  bool buffered = false;
};

/// Jobs that came back, in the order of their arrival, and the rounds they make.
class Reader {
 public:
  explicit Reader(const std::vector<LogRecord>& log, std::size_t round_updates) {
    gathers_ = std::any_of(log.begin(), log.end(), [](const LogRecord& r) {
      const auto* d = std::get_if<Decision>(&r);
      return d && d->kind == Kind::buffered;
    });
    for (const auto& r : log) {
      if (const auto* e = std::get_if<Event>(&r))
        on(*e);
      else
        on(std::get<Decision>(r), round_updates);
    }
  }

  struct Round {
    double end;
    std::size_t last;  ///< of jobs
    std::vector<std::size_t> others;
  };
  std::vector<Job> jobs;
  std::vector<Round> rounds;

 private:
  void on(const Event& e) {
    switch (e.type) {
      case EventType::train_task: {
        Job j;
        j.client = e.to - record::first_client_node;
        j.sent = e.sent;
        j.received = j.begun = j.ended = e.time;
        open_[{j.client, e.job}] = j;
        break;
      }
      case EventType::job_done:
        if (auto* j = find(e.to, e.job)) {
          j->begun = e.sent;
          j->ended = e.time;
        }
        break;
      case EventType::update:
      case EventType::dropped:
        if (auto* j = find(e.from, e.job)) {
          if (e.type == EventType::dropped) j->ended = e.sent;
          j->departed = e.sent;
          j->arrived = e.time;
          latest_[j->client] = jobs.size();
          jobs.push_back(*j);
          open_.erase({j->client, e.job});
        }
        break;
      default:
        break;
    }
  }

  void on(const Decision& d, std::size_t round_updates) {
    if (d.kind == Kind::restarted) waiting_.clear();
    const auto found = latest_.find(d.client);
    if (found == latest_.end()) return;
    auto job = found->second;
    if (d.kind == Kind::buffered) {
      jobs[job].buffered = true;
      waiting_[d.client].push_back(job);
    }
    if (!is_acceptance(d.kind)) return;
    if (auto& waiting = waiting_[d.client]; !waiting.empty()) {
      job = waiting.front();
      waiting.pop_front();
    }
    // Updates that are merged together share the version they gave.
    const bool same_merge = gathers_ && !rounds.empty() && version_ == d.version;
    version_ = d.version;
    gathered_.push_back(job);
    if (same_merge) rounds.pop_back();
    if (!gathers_ && gathered_.size() < std::max<std::size_t>(round_updates, 1)) return;
    close(d.time, same_merge);
  }

  void close(double now, bool same_merge) {
    if (!gathers_ || !same_merge) parts_.clear();
    parts_.insert(parts_.end(), gathered_.begin(), gathered_.end());
    gathered_.clear();
    Round round{now, *std::max_element(parts_.begin(), parts_.end()), {}};
    for (auto i : parts_)
      if (i != round.last && jobs[i].buffered) round.others.push_back(i);
    rounds.push_back(std::move(round));
  }

  Job* find(record::NodeId node, std::uint64_t job) {
    if (node < record::first_client_node) return nullptr;
    const auto found = open_.find({node - record::first_client_node, job});
    return found == open_.end() ? nullptr : &found->second;
  }

  bool gathers_ = false;
  std::uint64_t version_ = 0;
  std::map<std::pair<std::uint32_t, std::uint64_t>, Job> open_;
  std::map<std::uint32_t, std::size_t> latest_;
  std::map<std::uint32_t, std::deque<std::size_t>> waiting_;  ///< in the server's buffer, by client
  std::vector<std::size_t> gathered_, parts_;
};

/// Seconds of [begin, end] in which the server was halted.
double halted_within(const std::vector<Halt>& halts, double begin, double end) {
  double sum = 0;
  for (const auto& h : halts) sum += std::max(0.0, std::min(h.end, end) - std::max(h.begin, begin));
  return sum;
}

/// The arrival that a task sent at `sent` answers: the latest at or before it, `jobs` of the order of
/// arrival.
std::optional<std::size_t> cause_of(const std::vector<Job>& jobs, double sent, std::uint32_t client,
                                    std::size_t before) {
  const auto end = jobs.begin() + static_cast<std::ptrdiff_t>(before);
  auto at = std::upper_bound(jobs.begin(), end, sent, [](double t, const Job& j) { return t < j.arrived; });
  if (at == jobs.begin()) return std::nullopt;
  --at;
  for (auto same = at; same->arrived == at->arrived; --same) {
    if (same->client == client) return same - jobs.begin();
    if (same == jobs.begin()) break;
  }
  return at - jobs.begin();
}

PathTime path_of(const std::vector<Job>& jobs, const std::vector<Halt>& halts, std::size_t last, double begin,
                 double end) {
  PathTime path;
  double at = end;
  const auto back_to = [&](double t, double& share) {
    t = std::max(t, begin);
    if (t < at) {
      share += at - t;
      at = t;
    }
  };
  const auto gap_to = [&](double t, double& otherwise) {
    t = std::max(t, begin);
    if (!(t < at)) return;
    const double stalled = halted_within(halts, t, at);
    path.stall += stalled;
    otherwise += at - t - stalled;
    at = t;
  };
  auto i = last;
  gap_to(jobs[i].arrived, jobs[i].buffered ? path.barrier : path.queue);
  while (at > begin) {
    const auto& j = jobs[i];
    back_to(j.departed, path.link);
    back_to(j.ended, path.queue);
    back_to(j.begun, path.compute);
    back_to(j.received, path.queue);
    back_to(j.sent, path.link);
    if (!(at > begin)) break;
    const auto cause = cause_of(jobs, j.sent, j.client, i);
    if (!cause) {
      gap_to(begin, path.queue);
      break;
    }
    i = *cause;
    gap_to(jobs[i].arrived, jobs[i].buffered ? path.barrier : path.queue);
  }
  return path;
}

}  // namespace

PathTime& operator+=(PathTime& a, const PathTime& b) {
  a.queue += b.queue;
  a.link += b.link;
  a.compute += b.compute;
  a.barrier += b.barrier;
  a.stall += b.stall;
  return a;
}

std::vector<RoundBlame> blame_rounds(const std::vector<LogRecord>& log, std::size_t round_updates) {
  const Reader reader(log, round_updates);
  const auto halts = halts_of(log);
  std::vector<RoundBlame> out;
  double begin = 0;
  for (const auto& round : reader.rounds) {
    RoundBlame b{begin, round.end, reader.jobs[round.last].client, {}, 0};
    b.path = path_of(reader.jobs, halts, round.last, begin, round.end);
    for (auto i : round.others) b.others_waited += round.end - reader.jobs[i].arrived;
    begin = round.end;
    out.push_back(b);
  }
  return out;
}

std::vector<Halt> halts_of(const std::vector<LogRecord>& log) {
  std::vector<Halt> out;
  bool open = false;
  double now = 0;
  for (const auto& r : log) {
    now = std::visit([](const auto& v) { return v.time; }, r);
    const auto* d = std::get_if<Decision>(&r);
    if (!d) continue;
    if (d->kind == Kind::halted && !open) out.push_back({d->time, d->time});
    if (d->kind == Kind::resumed && open) out.back().end = d->time;
    if (d->kind == Kind::halted || d->kind == Kind::resumed) open = d->kind == Kind::halted;
  }
  if (open) out.back().end = now;
  return out;
}

bool is_acceptance(Kind k) {
  return k == Kind::merged || k == Kind::late_rebased || k == Kind::late_guarded || k == Kind::late_accepted;
}

std::size_t retained_clients(const std::vector<LogRecord>& log) {
  std::set<std::uint32_t> accepted;
  std::set<std::uint32_t> asked;
  for (const auto& r : log) {
    const auto* d = std::get_if<Decision>(&r);
    if (d && (is_acceptance(d->kind) || d->kind == Kind::buffered)) accepted.insert(d->client);
    const auto* e = std::get_if<Event>(&r);
    if (e && e->type == EventType::erase_request && e->from >= record::first_client_node)
      asked.insert(e->from - record::first_client_node);
  }
  for (auto client : asked) accepted.erase(client);
  return accepted.size();
}

}  // namespace afu::figures
