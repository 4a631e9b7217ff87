#pragma once
/// Wall clock: what took place before a run was stopped, on its way to take place again. Real time decided in which order
/// messages were handed out and answers came; with both as they were, all else follows. A client's timer is the one case
/// where two messages race for an actor: the result that it waits for, and other work. Which was first the answer to
/// the timer tells. Where no answer is known and other work was handed out, either may have been: then other work was.
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "actors/messages.hpp"
#include "lane/checkpoint_file.hpp"

namespace afu::actors {

/// What it is to the wall clock, at `time`, that `post` is handed out.
inline lane::ClockStep step_of(const federate::Post& post, double time) {
  using Kind = lane::ClockStep::Kind;
  if (const auto* done = std::get_if<federate::JobDone>(&post.payload))
    return {time, Kind::timer, post.to, done->job};
  if (const auto* done = std::get_if<federate::WorkDone>(&post.payload))
    return {time, Kind::timer, post.to, done->work};
  return {time, Kind::message, post.to, 0};
}
inline lane::ClockStep step_of(const Ack& ack, double time) {
  using Kind = lane::ClockStep::Kind;
  const auto kind = ack.given_up ? Kind::given_up : ack.timer ? Kind::timer_answer : Kind::answer;
  return {time, kind, ack.from, ack.timer.value_or(0)};
}

class Replay {
 public:
  using Step = lane::ClockStep;
  using Kind = Step::Kind;

  explicit Replay(std::vector<Step> steps) : steps_(std::move(steps)) {
    std::map<Timer, bool> open;  // timers without an answer; whether their client got other work
    for (const auto& s : steps_) {
      if (s.kind == Kind::timer) open[{s.node, s.number}] = false;
      if (s.kind == Kind::timer_answer || s.kind == Kind::given_up) open.erase({s.node, s.number});
      if (s.kind == Kind::timer_answer) answered_.insert({s.node, s.number});
      if (s.kind == Kind::given_up) given_up_.insert({s.node, s.number});
      if (s.kind == Kind::message && s.node >= record::first_client_node)
        for (auto t = open.lower_bound({s.node, 0}); t != open.end() && t->first.first == s.node; ++t)
          t->second = true;
    }
    for (const auto& [timer, other_work] : open)
      if (other_work) given_up_.insert(timer);
  }

  bool over() const { return next_ == steps_.size(); }
  const Step& next() const { return steps_[next_]; }
  void advance() { ++next_; }

  /// Whether a client's result came too late for it. The timer is then not handed out: its answer is that of one who has
  /// given up.
  bool gives_up(const Step& timer) const { return given_up_.count({timer.node, timer.number}) > 0; }
  /// After a client's timer: nothing is handed out before it has answered, if it did.
  void await(const Step& timer) {
    if (answered_.count({timer.node, timer.number}) > 0) awaited_ = Timer{timer.node, timer.number};
  }
  bool waits() const { return awaited_.has_value(); }

  void arrived(Ack ack) {
    if (awaited_ && ack.from == awaited_->first && ack.timer == awaited_->second) awaited_.reset();
    answers_.push_back(std::move(ack));
  }
  /// The answer that came at `step`; none: it has not come yet.
  std::optional<Ack> answer(const Step& step) {
    for (auto i = answers_.begin(); i != answers_.end(); ++i) {
      const bool to_timer = step.kind != Kind::answer;
      if (i->from != step.node || i->timer.has_value() != to_timer) continue;
      if (to_timer && *i->timer != step.number) continue;
      auto ack = std::move(*i);
      answers_.erase(i);
      return ack;
    }
    return std::nullopt;
  }
  std::size_t unread() const { return answers_.size(); }
  /// Those that have come, and had not before the run was stopped.
  std::deque<Ack> left() { return std::exchange(answers_, {}); }

 private:
  using Timer = std::pair<std::uint64_t, std::uint64_t>;  ///< node, number

  std::vector<Step> steps_;
  std::size_t next_ = 0;
  std::set<Timer> answered_, given_up_;
  std::optional<Timer> awaited_;
  std::deque<Ack> answers_;
};

}  // namespace afu::actors
