#include "sim/job_queue.hpp"

#include <cmath>
#include <stdexcept>
#include <string>
#include <tuple>

namespace afu::sim {

bool JobQueue::Key::operator<(const Key& o) const {
  return std::tie(completes_at, seq, id) < std::tie(o.completes_at, o.seq, o.id);
}

JobQueue::JobQueue(std::size_t bound) : bound_(bound) {
  if (bound == 0) throw std::logic_error("JobQueue: the bound is 0");
}

JobQueue::Job& JobQueue::get(Id id, const char* what) {
  auto i = jobs_.find(id);
  if (i == jobs_.end())
    throw std::logic_error("JobQueue: " + std::string(what) + " unknown job " + std::to_string(id));
  return i->second;
}

void JobQueue::forget(Id id) {
  jobs_.erase(id);
  --unjoined_;
}

void JobQueue::push(Id id, double completes_at, std::uint64_t seq) {
  if (std::isnan(completes_at))
    throw std::logic_error("JobQueue: completion of job " + std::to_string(id) + " is NaN");
  Key key{completes_at, seq, id};
  if (!jobs_.emplace(id, Job{key, State::queued, false}).second)
    throw std::logic_error("JobQueue: job " + std::to_string(id) + " was pushed twice");
  waiting_.insert(key);
}

std::optional<JobQueue::Id> JobQueue::front() const {
  const auto& from = urgent_.empty() ? waiting_ : urgent_;
  if (from.empty() || (urgent_.empty() && unjoined_ >= bound_)) return std::nullopt;
  return from.begin()->id;
}

std::optional<JobQueue::Id> JobQueue::next() {
  const auto id = front();
  if (!id) return id;
  auto& from = urgent_.empty() ? waiting_ : urgent_;
  from.erase(from.begin());
  jobs_.at(*id).state = State::running;
  ++unjoined_;
  return id;
}

void JobQueue::finished(Id id) {
  auto& job = get(id, "finished");
  if (job.state == State::cancelled) return forget(id);
  if (job.state != State::running)
    throw std::logic_error("JobQueue: finished job " + std::to_string(id) + " was not running");
  job.state = State::finished;
}

void JobQueue::joined(Id id) {
  if (get(id, "joined").state != State::finished)
    throw std::logic_error("JobQueue: joined job " + std::to_string(id) + " has not finished");
  forget(id);
}

void JobQueue::given_back(Id id) {
  auto& job = get(id, "given back");
  if (job.state == State::cancelled) return forget(id);
  if (job.state != State::running)
    throw std::logic_error("JobQueue: job " + std::to_string(id) + " was given back and was not running");
  --unjoined_;
  job.state = job.urged ? State::urgent : State::queued;
  (job.urged ? urgent_ : waiting_).insert(job.key);
}

void JobQueue::urge(Id id) {
  auto& job = get(id, "urged");
  if (job.state == State::cancelled)
    throw std::logic_error("JobQueue: urged job " + std::to_string(id) + " is cancelled");
  job.urged = true;
  if (job.state != State::queued) return;
  waiting_.erase(job.key);
  urgent_.insert(job.key);
  job.state = State::urgent;
}

bool JobQueue::cancel(Id id) {
  auto& job = get(id, "cancelled");
  switch (job.state) {
    case State::queued:
    case State::urgent:
      (job.state == State::queued ? waiting_ : urgent_).erase(job.key);
      jobs_.erase(id);
      return true;
    case State::running:
      job.state = State::cancelled;
      return false;
    case State::finished:
      forget(id);
      return false;
    case State::cancelled:
      break;
  }
  throw std::logic_error("JobQueue: job " + std::to_string(id) + " was cancelled twice");
}

}  // namespace afu::sim
