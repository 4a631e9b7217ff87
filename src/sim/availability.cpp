#include "sim/availability.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "base/csv.hpp"
#include "config/loader.hpp"
#include "sim/horizon.hpp"

namespace afu::sim {

namespace {

constexpr double never = std::numeric_limits<double>::infinity();

/// No question walks through many more windows than this, so that none takes long: a run must be able to end
/// between any two events.
constexpr double most_periods = 100'000;
constexpr int block_bits = 24;  ///< of a markov window's number: the window in its block, which has fewer

/// What would end later never does.
double within_horizon(double t) { return t <= horizon_seconds ? t : never; }

void check(const char* key, double v, bool allowed, const char* range) {
  if (!allowed)
    throw std::invalid_argument(std::string("heterogeneity.availability.") + key + " is " +
                                std::to_string(v) + ", allowed: " + range);
}

}  // namespace

Availability::Availability(const config::AvailabilityHeterogeneity& a, std::uint64_t seed,
                           std::int64_t clients, const std::string& scenario_file)
    : seed_(seed),
      clients_(clients),
      mean_on_(a.mean_on_seconds),
      mean_off_(a.mean_off_seconds),
      period_(a.period_seconds),
      on_fraction_(a.on_fraction),
      dropout_probability_(a.dropout_probability) {
  check("dropout_probability", dropout_probability_, dropout_probability_ >= 0 && dropout_probability_ <= 1,
        ">= 0 and <= 1");
  if (a.model == config::AvailabilityModel::always) return;
  if (a.model == config::AvailabilityModel::markov) {
    check("mean_on_seconds", mean_on_, mean_on_ > 0, "> 0");
    check("mean_off_seconds", mean_off_, mean_off_ >= 0, ">= 0");
    if (mean_off_ == 0) return;
    check("mean_on_seconds", mean_on_, mean_on_ >= least_period_seconds, ">= 0.001 with times off");
    model_ = Model::markov;
    block_ = most_periods * (mean_on_ + mean_off_);
    cursors_.resize(static_cast<std::size_t>(clients));
  } else if (a.model == config::AvailabilityModel::diurnal) {
    check("period_seconds", period_, period_ >= least_period_seconds, ">= 0.001");
    check("on_fraction", on_fraction_, on_fraction_ >= least_on_fraction && on_fraction_ <= 1,
          ">= 0.000001 and <= 1");
    if (on_fraction_ == 1) return;
    model_ = Model::diurnal;
  } else if (a.model == config::AvailabilityModel::trace) {
    if (a.path.empty())
      throw std::invalid_argument("heterogeneity.availability.path is empty, wanted for model = \"trace\"");
    model_ = Model::trace;
    read_trace(config::resolve_data_path(a.path, scenario_file));
  }
}

void Availability::read_trace(const std::string& file) {
  struct Row {
    std::int64_t client;
    double on, off;
    std::size_t line;
  };
  auto fail = [&](std::size_t line, const std::string& what) {
    throw std::runtime_error(file + ":" + std::to_string(line) + ": " + what);
  };
  std::vector<Row> rows;
  for (const auto& r : base::read_csv(file, {"client", "on_seconds", "off_seconds"})) {
    double client = r.values[0];
    if (client != std::floor(client) || client >= static_cast<double>(clients_))
      fail(r.line, "client is " + std::to_string(client) + ", allowed: a whole number from 0 to " +
                       std::to_string(clients_ - 1));
    if (r.values[2] <= r.values[1])
      fail(r.line, "off_seconds is " + std::to_string(r.values[2]) +
                       ", allowed: above on_seconds, which is " + std::to_string(r.values[1]));
    rows.push_back({static_cast<std::int64_t>(client), r.values[1], r.values[2], r.line});
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return a.client != b.client ? a.client < b.client : a.on < b.on;
  });

  first_.assign(static_cast<std::size_t>(clients_) + 1, 0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& r = rows[i];
    if (i > 0 && rows[i - 1].client == r.client && r.on < rows[i - 1].off)
      fail(r.line, "overlaps line " + std::to_string(rows[i - 1].line) + " of the same client, " +
                       std::to_string(r.client));
    ++first_[static_cast<std::size_t>(r.client) + 1];
    begin_.push_back(r.on);
    end_.push_back(r.off);
  }
  for (std::size_t client = 0; client < first_.size() - 1; ++client) {
    if (first_[client + 1] == 0)
      throw std::runtime_error(file + ": has no row of client " + std::to_string(client) +
                               ", every one of clients 0 to " + std::to_string(clients_ - 1) + " needs one");
    first_[client + 1] += first_[client];
  }
}

/// Window `number` follows on one that ended at `previous_end`. Windows stand in blocks of time, each of
/// which begins anew in the stationary state: whoever asks about a late time begins at its block.
Availability::Window Availability::markov(std::int64_t client, std::int64_t number,
                                          double previous_end) const {
  static constexpr std::uint64_t name = base::purpose("availability");
  const auto block = number >> block_bits;
  const double limit = static_cast<double>(block + 1) * block_;
  base::Stream s({seed_, name, static_cast<std::uint64_t>(client), static_cast<std::uint64_t>(number)});
  // Without memory, what is left of the period at a block's begin is distributed as a whole one.
  const bool opens = (number & ((std::int64_t{1} << block_bits) - 1)) == 0;
  const bool starts_on = opens && s.uniform() < mean_on_ / (mean_on_ + mean_off_);
  Window w;
  w.begin = starts_on ? previous_end : previous_end + mean_off_ * s.exponential();
  w.end = w.begin + mean_on_ * s.exponential();
  w.previous_end = previous_end;
  w.number = number;
  if (w.begin >= limit) return markov(client, (block + 1) << block_bits, limit);
  w.end = std::min(w.end, limit);
  return w;
}

Availability::Window Availability::diurnal(std::int64_t client, std::int64_t number) const {
  double phase = static_cast<double>(client) / static_cast<double>(clients_) * period_;
  Window w;
  w.begin = static_cast<double>(number) * period_ - phase;
  w.end = w.begin + on_fraction_ * period_;
  w.number = number;
  return w;
}

Availability::Window Availability::traced(std::int64_t client, std::int64_t number) const {
  Window w;
  w.number = number;
  auto row = static_cast<std::size_t>(number);
  if (row >= first_[static_cast<std::size_t>(client) + 1]) {
    w.begin = w.end = never;
  } else {
    w.begin = begin_[row];
    w.end = end_[row];
  }
  return w;
}

Availability::Window Availability::after(std::int64_t client, const Window& w) const {
  switch (model_) {
    case Model::markov:
      return markov(client, w.number + 1, w.end);
    case Model::diurnal:
      return diurnal(client, w.number + 1);
    default:
      return traced(client, w.number + 1);
  }
}

/// The first window that ends after t.
Availability::Window Availability::find(std::int64_t client, double t) {
  if (model_ == Model::markov) {
    Window& w = cursors_[static_cast<std::size_t>(client)];
    const auto block = static_cast<std::int64_t>(t / block_);
    if (w.number < 0 || t < w.previous_end || (w.number >> block_bits) < block)
      w = markov(client, block << block_bits, static_cast<double>(block) * block_);
    while (w.end <= t) w = markov(client, w.number + 1, w.end);
    return w;
  }
  if (model_ == Model::diurnal) {
    double phase = static_cast<double>(client) / static_cast<double>(clients_) * period_;
    // The division may be off by one window in either direction.
    auto w = diurnal(client, static_cast<std::int64_t>(std::floor((t + phase) / period_)) - 1);
    while (w.end <= t) w = diurnal(client, w.number + 1);
    return w;
  }
  auto low = end_.begin() + static_cast<std::ptrdiff_t>(first_[static_cast<std::size_t>(client)]);
  auto high = end_.begin() + static_cast<std::ptrdiff_t>(first_[static_cast<std::size_t>(client) + 1]);
  return traced(client, std::upper_bound(low, high, t) - end_.begin());
}

double Availability::next_on(std::int64_t client, double t) {
  if (model_ == Model::always || t > horizon_seconds) return within_horizon(t);
  return within_horizon(std::max(t, find(client, t).begin));
}

double Availability::finish(std::int64_t client, double start, double work_seconds) {
  if (model_ == Model::always) return within_horizon(start + work_seconds);
  if (start > horizon_seconds || work_seconds > horizon_seconds) return never;
  const double share = model_ == Model::markov    ? mean_on_ / (mean_on_ + mean_off_)
                       : model_ == Model::diurnal ? on_fraction_
                                                  : 0;
  const double on = model_ == Model::markov ? mean_on_ : on_fraction_ * period_;
  auto w = find(client, start);
  double t = std::max(start, w.begin);
  if (share > 0 && work_seconds > most_periods * on) return within_horizon(t + work_seconds / share);
  auto walked = static_cast<std::int64_t>(2 * most_periods);
  while (t <= horizon_seconds && t + work_seconds > w.end) {
    // Windows so late and short that the clock has hardly a time within them.
    if (share > 0 && --walked == 0) return within_horizon(t + work_seconds / share);
    work_seconds -= w.end - t;
    w = after(client, w);
    t = w.begin;
  }
  return within_horizon(t + work_seconds);
}

std::optional<double> Availability::dropout(std::int64_t client, std::uint64_t job_number) const {
  if (dropout_probability_ == 0) return std::nullopt;
  static constexpr std::uint64_t name = base::purpose("dropout");
  base::Stream s({seed_, name, static_cast<std::uint64_t>(client), job_number});
  if (s.uniform() >= dropout_probability_) return std::nullopt;
  return s.uniform_open();
}

}  // namespace afu::sim
