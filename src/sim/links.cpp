#include "sim/links.hpp"

#include <cmath>
#include <iterator>
#include <stdexcept>

#include "base/elementary.hpp"

namespace afu::sim {

namespace {

/// With more, a message is sent again so often that it takes long to find out when it arrives.
constexpr double most_lost = 0.99;

double transfer_seconds(std::uint64_t bytes, double mbit) {
  return mbit > 0 ? static_cast<double>(bytes) * 8 / (mbit * 1e6) : 0;
}

}  // namespace

double SharedLink::take(double now, double ready, double seconds) {
  while (!busy_.empty() && busy_.begin()->second <= now) busy_.erase(busy_.begin());
  if (seconds <= 0 || std::isinf(ready)) return ready;

  // The interval that is busy at `ready`, if there is one; otherwise the next.
  auto next = busy_.upper_bound(ready);
  double begin = ready, t = ready;
  if (next != busy_.begin()) {
    auto before = std::prev(next);
    if (before->second >= ready) {
      begin = before->first;
      t = before->second;
      next = busy_.erase(before);
    }
  }
  // Fills the gaps one after the other. A filled gap joins two intervals, so this stays cheap over many
  // calls.
  double end = t + seconds;
  while (next != busy_.end() && next->first <= end) {
    double left = end - next->first;
    double free_again = next->second;
    next = busy_.erase(next);
    if (left == 0) {
      busy_.emplace_hint(next, begin, free_again);
      return end;
    }
    end = free_again + left;
  }
  busy_.emplace_hint(next, begin, end);
  return end;
}

Links::Links(const Profiles& profiles, const config::NetworkHeterogeneity& n, std::uint64_t seed,
             const std::string& scenario_file)
    : profiles_(profiles),
      seed_(seed),
      jitter_(make_sampler("heterogeneity.network.jitter", n.jitter, scenario_file)),
      constant_jitter_(jitter_.constant()),
      server_mbit_(n.server_mbit),
      loss_probability_(n.loss_probability),
      retransmit_seconds_(n.retransmit_seconds) {
  auto check = [](const char* key, double v, bool allowed, const char* range) {
    if (!allowed)
      throw std::invalid_argument(std::string("heterogeneity.network.") + key + " is " + std::to_string(v) +
                                  ", allowed: " + range);
  };
  check("server_mbit", n.server_mbit, n.server_mbit >= 0, ">= 0");
  check("loss_probability", n.loss_probability, n.loss_probability >= 0 && n.loss_probability <= most_lost,
        ">= 0 and <= 0.99");
  check("retransmit_seconds", n.retransmit_seconds, n.retransmit_seconds >= 0, ">= 0");
}

int Links::losses(bool uplink, std::int64_t client, std::uint64_t message_number) const {
  if (loss_probability_ == 0) return 0;
  static constexpr std::uint64_t names[] = {base::purpose("loss_downlink"), base::purpose("loss_uplink")};
  base::Stream s({seed_, names[uplink], static_cast<std::uint64_t>(client), message_number});
  // Geometric: P(at least k losses) = p^k.
  return static_cast<int>(base::log(s.uniform_open()) / base::log(loss_probability_));
}

double Links::latency(bool uplink, std::int64_t client, std::uint64_t message_number) const {
  double base = profiles_.latency_seconds(client);
  if (constant_jitter_) return base * *constant_jitter_;
  static constexpr std::uint64_t names[] = {base::purpose("latency_jitter_downlink"),
                                            base::purpose("latency_jitter_uplink")};
  base::Stream s({seed_, names[uplink], static_cast<std::uint64_t>(client), message_number});
  return base * jitter_.draw(s, message_number);
}

Links::Arrival Links::send(double now, bool uplink, std::int64_t client, std::uint64_t bytes,
                           std::uint64_t message_number) {
  int lost = losses(uplink, client, message_number);
  ++totals_.messages;
  totals_.bytes += bytes * static_cast<std::uint64_t>(lost + 1);
  totals_.retransmissions += static_cast<std::uint64_t>(lost);

  double own =
      transfer_seconds(bytes, uplink ? profiles_.uplink_mbit(client) : profiles_.downlink_mbit(client));
  double shared = transfer_seconds(bytes, server_mbit_);
  double t = now;
  for (int attempt = 0; attempt <= lost; ++attempt) {
    if (attempt > 0) t += retransmit_seconds_;
    if (!uplink) t = server_[uplink].take(now, t, shared);
    t += own;
  }
  t += latency(uplink, client, message_number);
  if (uplink) t = server_[uplink].take(now, t, shared);
  return {t, lost};
}

}  // namespace afu::sim
