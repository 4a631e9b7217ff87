#include "sim/profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "base/input_error.hpp"

namespace afu::sim {

Sampler make_sampler(const std::string& key, const config::Distribution& d, const std::string& scenario_file,
                     bool positive) {
  try {
    Sampler sampler(d, scenario_file, positive);
    if (positive && sampler.constant() == 0.0)
      throw std::invalid_argument("all values are 0, allowed: numbers > 0");
    return sampler;
  } catch (const std::invalid_argument& e) {
    throw std::invalid_argument(key + ": " + e.what());
  } catch (const std::runtime_error& e) {
    throw InputError(key + ": " + e.what());
  }
}

void Profiles::Column::set(std::int64_t client, double v, std::int64_t clients) {
  if (values_.empty()) {
    if (v == same_) return;
    values_.assign(static_cast<std::size_t>(clients), same_);
  }
  values_[static_cast<std::size_t>(client)] = v;
}

Profiles::Profiles(const config::Heterogeneity& h, std::uint64_t seed, std::int64_t clients,
                   const std::string& scenario_file)
    : seed_(seed),
      clients_(clients),
      seconds_per_sample_(h.compute.seconds_per_sample),
      server_slowdown_(h.compute.server_slowdown),
      slowdown_(draw("compute.slowdown", "slowdown", h.compute.slowdown, scenario_file, true)),
      latency_(draw("network.latency_seconds", "latency", h.network.latency_seconds, scenario_file)),
      uplink_(draw("network.uplink_mbit", "uplink", h.network.uplink_mbit, scenario_file)),
      downlink_(draw("network.downlink_mbit", "downlink", h.network.downlink_mbit, scenario_file)),
      jitter_(make_sampler("heterogeneity.compute.jitter", h.compute.jitter, scenario_file, true)),
      constant_jitter_(jitter_.constant()) {
  slow_down_stragglers(h.compute);
  for (const auto& o : h.compute.overrides) {
    check_client("heterogeneity.compute.override", o.client);
    slowdown_.set(o.client, o.slowdown, clients_);
  }
  for (const auto& o : h.network.overrides) {
    check_client("heterogeneity.network.override", o.client);
    if (o.latency_seconds >= 0) latency_.set(o.client, o.latency_seconds, clients_);
    if (o.uplink_mbit >= 0) uplink_.set(o.client, o.uplink_mbit, clients_);
    if (o.downlink_mbit >= 0) downlink_.set(o.client, o.downlink_mbit, clients_);
  }
}

Profiles::Column Profiles::draw(const std::string& key, const char* name, const config::Distribution& d,
                                const std::string& scenario_file, bool positive) const {
  Sampler sampler = make_sampler("heterogeneity." + key, d, scenario_file, positive);
  Column column;
  if (auto v = sampler.constant()) {
    column.fill(*v);
    return column;
  }
  std::vector<double> values(static_cast<std::size_t>(clients_));
  for (std::size_t client = 0; client < values.size(); ++client) {
    base::Stream s({seed_, base::purpose(name), client, 0});
    const double v = values[client] = sampler.draw(s, client);
    if (!std::isfinite(v) || (positive && v <= 0))
      throw std::invalid_argument(
          fmt::format("heterogeneity.{}: client {} draws {}, allowed: a finite number {} 0", key, client, v,
                      positive ? ">" : ">="));
  }
  column.fill(std::move(values));
  return column;
}

void Profiles::slow_down_stragglers(const config::ComputeHeterogeneity& c) {
  const auto count = std::llround(c.straggler_share * static_cast<double>(clients_));
  if (count == 0) return;
  std::vector<std::int64_t> order(static_cast<std::size_t>(clients_));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  base::Stream s({seed_, base::purpose("stragglers"), 0, 0});
  base::shuffle(order, s);
  if (c.straggler_first >= 0) {
    check_client("heterogeneity.compute.straggler_first", c.straggler_first);
    std::iter_swap(order.begin(), std::find(order.begin(), order.end(), c.straggler_first));
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const auto client = order[static_cast<std::size_t>(i)];
    slowdown_.set(client, slowdown_[client] * c.straggler_factor, clients_);
  }
}

double Profiles::jitter(std::int64_t client, std::uint64_t job_number) const {
  base::Stream s({seed_, base::purpose("jitter"), static_cast<std::uint64_t>(client), job_number});
  return jitter_.draw(s, job_number);
}

void Profiles::check_client(const char* key, std::int64_t client) const {
  if (client < 0 || client >= clients_)
    throw std::invalid_argument(std::string(key) + ": client is " + std::to_string(client) +
                                ", allowed: 0 to " + std::to_string(clients_ - 1));
}

}  // namespace afu::sim
