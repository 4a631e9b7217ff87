#include "report/erasure_figures.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace afu::report;
using afu::record::ErasureRecord;
using afu::record::MetricsRow;

namespace {

MetricsRow row(double time, std::optional<double> attack, std::optional<double> forget = std::nullopt) {
  MetricsRow r;
  r.time = time;
  r.attack_success_rate = attack;
  r.forget_accuracy = forget;
  return r;
}

ErasureRecord request(double at, std::optional<double> forgotten) {
  ErasureRecord e;
  e.requested_at = at;
  e.forgotten_at = forgotten;
  return e;
}

/// `per_second` updates a second in (begin, end], evenly.
void add_updates(std::vector<double>& times, double begin, double end, int per_second) {
  const int n = static_cast<int>((end - begin) * per_second + 0.5);
  for (int i = 1; i <= n; ++i) times.push_back(begin + static_cast<double>(i) / per_second);
}

/// Of one client that stays.
RetainedWork work(const std::vector<double>& times, double run_end,
                  const std::vector<Interval>& halted = {}) {
  std::vector<AcceptedUpdate> accepted;
  for (double t : times) accepted.push_back({t, 1});
  return {accepted, halted, run_end};
}

}  // namespace

TEST_CASE("downtime is what the halts have in common with the time from request to forgotten") {
  auto e = request(10, 20.0);
  fill_erasure_figures(e, {}, {}, {}, 100, true);
  CHECK(e.downtime_seconds == 0.0);
  // 2 before the request, 3 within, 4 astride its end of which 1 counts, 50 later; two that overlap count
  // once.
  fill_erasure_figures(e, {}, {}, {{19, 23}, {8, 12}, {13, 15}, {14, 16}, {14, 14.5}, {50, 60}}, 100, true);
  CHECK(*e.downtime_seconds == doctest::Approx(2 + 3 + 1));
  auto never = request(10, std::nullopt);
  fill_erasure_figures(never, {}, {}, {{12, 13}, {90, 120}}, 100, true);
  CHECK(*never.downtime_seconds == doctest::Approx(1 + 10));
}

TEST_CASE("retained throughput after a request is compared with that before it") {
  // Forgotten 10 s after a request at 20 s: windows (10, 20] and (20, 30].
  std::vector<double> accepted;
  add_updates(accepted, 0, 10, 50);  // outside both windows
  add_updates(accepted, 10, 20, 4);
  add_updates(accepted, 20, 30, 3);
  add_updates(accepted, 30, 40, 50);
  auto e = request(20, 30.0);
  fill_erasure_figures(e, {}, work(accepted, 40), {}, 40, false);
  CHECK(*e.retained_throughput_ratio == doctest::Approx(0.75));

  SUBCASE("a short erasure is measured over a quarter of the time before it") {
    // Forgotten at once: windows (15, 20] and (20, 25].
    std::vector<double> times;
    add_updates(times, 0, 15, 9);
    add_updates(times, 15, 20, 2);
    add_updates(times, 20, 25, 4);
    auto quick = request(20, 20.0);
    fill_erasure_figures(quick, {}, work(times, 40), {}, 40, false);
    CHECK(*quick.retained_throughput_ratio == doctest::Approx(2.0));
  }
  SUBCASE("windows are cut at the run's begin and end, and rates count per second of what remains") {
    // r = 4, f = 24: (4, 24] cut to (4, 14], (-16, 4] cut to (0, 4].
    std::vector<double> times;
    add_updates(times, 0, 4, 5);
    add_updates(times, 4, 14, 5);
    auto cut = request(4, 24.0);
    fill_erasure_figures(cut, {}, work(times, 14), {}, 14, false);
    CHECK(*cut.retained_throughput_ratio == doctest::Approx(1.0));
  }
  SUBCASE("never forgotten: up to the run's end") {
    std::vector<double> times;
    add_updates(times, 0, 20, 4);
    add_updates(times, 20, 30, 1);
    auto never = request(20, std::nullopt);
    fill_erasure_figures(never, {}, work(times, 30), {}, 30, false);
    CHECK(*never.retained_throughput_ratio == doctest::Approx(0.25));
  }
  SUBCASE("an update at the very moment of the request came before it; a halted federation has ratio 0") {
    auto halted = request(20, 30.0);
    fill_erasure_figures(halted, {}, work({20.0}, 40, {{20, 30}}), {{20, 30}}, 40, false);
    CHECK(halted.retained_throughput_ratio == 0.0);
  }
  SUBCASE("absent when nothing can be compared") {
    auto first = request(20, 30.0);
    fill_erasure_figures(first, {}, work({25.0}, 40), {}, 40, false);
    CHECK_FALSE(first.retained_throughput_ratio);
    auto at_start = request(0, 10.0);
    fill_erasure_figures(at_start, {}, work({0.0, 5.0}, 40), {}, 40, false);
    CHECK_FALSE(at_start.retained_throughput_ratio);
    auto at_end = request(40, std::nullopt);
    fill_erasure_figures(at_end, {}, work({35.0}, 40), {}, 40, false);
    CHECK_FALSE(at_end.retained_throughput_ratio);
  }
}

TEST_CASE("rebound is measured from the first evaluation of the forgotten model") {
  std::vector<MetricsRow> rows{row(1, 0.9, 0.9),    row(5, 0.95, 0.9),  // training
                               row(10, 0.10, 0.5),                      // m(0+)
                               row(11, 0.30, 0.55), row(12, 0.20, 0.6), row(13, 0.10, 0.6),
                               row(14, 0.05, 0.6),  row(15, 0.15, 0.6), row(16, 0.25, 0.7)};
  auto e = request(5, 9.0);
  fill_erasure_figures(e, rows, {}, {}, 20, true);
  CHECK(*e.rebound_max == doctest::Approx(0.20));
  CHECK(*e.rebound_end == doctest::Approx((0.20 + 0.10 + 0.05 + 0.15 + 0.25) / 5 - 0.10));

  SUBCASE("without a backdoor it is the forget accuracy's") {
    fill_erasure_figures(e, rows, {}, {}, 20, false);
    CHECK(*e.rebound_max == doctest::Approx(0.20));
    CHECK(*e.rebound_end == doctest::Approx((0.6 * 4 + 0.7) / 5 - 0.5));
  }
  SUBCASE("fewer than five later rows: their mean; falling only: negative") {
    auto late = request(5, 14.5);
    fill_erasure_figures(late, {row(15, 0.5), row(16, 0.4), row(17, 0.2)}, {}, {}, 20, true);
    CHECK(*late.rebound_max == doctest::Approx(-0.1));
    CHECK(*late.rebound_end == doctest::Approx(-0.2));
  }
  SUBCASE("a version published in the same instant, before the erasure, is not m(0+)") {
    auto tie = request(5, 10.0);
    fill_erasure_figures(tie, {row(10, 0.9), row(10, 0.1), row(11, 0.2)}, {}, {}, 20, true);
    CHECK(*tie.rebound_max == doctest::Approx(0.1));
    CHECK(*tie.rebound_end == doctest::Approx(0.1));
  }
  SUBCASE("rows without the figure are passed over") {
    auto gaps = request(5, 10.0);
    fill_erasure_figures(gaps,
                         {row(10, std::nullopt, 0.5), row(11, 0.2),
                          row(12, std::numeric_limits<double>::quiet_NaN()), row(13, 0.3)},
                         {}, {}, 20, true);
    CHECK(*gaps.rebound_max == doctest::Approx(0.1));
    CHECK(*gaps.rebound_end == doctest::Approx(0.1));
  }
  SUBCASE("absent when never forgotten, or when nothing follows") {
    auto never = request(5, std::nullopt);
    never.rebound_max = 7;  // of an earlier call
    fill_erasure_figures(never, rows, {}, {}, 20, true);
    CHECK_FALSE(never.rebound_max);
    CHECK_FALSE(never.rebound_end);
    auto last = request(5, 16.0);
    fill_erasure_figures(last, rows, {}, {}, 20, true);
    CHECK_FALSE(last.rebound_max);
    CHECK_FALSE(last.rebound_end);
  }
}
