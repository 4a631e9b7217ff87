#pragma once
/// All messages on their way and all timers of a run, with the links that carry them.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "actors/context.hpp"
#include "config/scenario.hpp"
#include "federate/messages.hpp"
#include "sim/event_queue.hpp"
#include "sim/links.hpp"

namespace afu::actors {

class Traffic {
 public:
  struct Pending {
    double sent = 0;
    federate::Post post;
  };
  using Queue = sim::EventQueue<Pending>;

  explicit Traffic(const Context& context)
      : links_(std::make_unique<sim::Links>(*context.profiles, context.scenario->heterogeneity.network,
                                            context.scenario->scenario.seed, context.scenario->file)),
        up_(context.setup.samples.size()),
        down_(context.setup.samples.size()) {
    queue_.reserve(context.setup.samples.size() + 16);
    queue_.set_next_sequence(first_ordinary);
  }

  /// Due when its link has delivered it; a time before `now` is now.
  void accept(double now, federate::Post post) {
    const double departs = std::max(post.at, now);
    double arrives = departs;
    if (post.link >= 0) {
      auto& numbers = post.uplink ? up_ : down_;
      const auto client = static_cast<std::size_t>(post.link);
      arrives = links_->send(departs, post.uplink, post.link, post.bytes, numbers[client]++).time;
    }
    if (post.first)
      queue_.push(arrives, ahead_++, {departs, std::move(post)});
    else
      queue_.push(arrives, {departs, std::move(post)});
  }

  bool empty() const { return queue_.empty(); }
  double next_time() const { return queue_.top_time(); }
  const federate::Post& next() const { return queue_.top().post; }
  Queue::Event take() { return queue_.pop(); }
  void prefetch() const { queue_.prefetch_top(); }
  auto totals() const { return links_->totals(); }

 private:
  /// Posts that go ahead of all else at their time take the sequence numbers below this.
  static constexpr std::uint64_t first_ordinary = std::uint64_t{1} << 32;

  std::unique_ptr<sim::Links> links_;
  Queue queue_;
  std::vector<std::uint32_t> up_, down_;  ///< message numbers, by client
  std::uint64_t ahead_ = 0;               ///< posts so far that went ahead
};

}  // namespace afu::actors
