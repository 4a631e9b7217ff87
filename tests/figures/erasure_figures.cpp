#include "figures/erasure_figures.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace afu::figures;
using afu::record::ErasureRecord;

namespace {

ErasureRecord request(double at, std::optional<double> forgotten) {
  ErasureRecord e;
  e.requested_at = at;
  e.forgotten_at = forgotten;
  return e;
}

/// `per_second` updates a second in (begin, end], evenly.
void add_updates(std::vector<double>& times, double begin, double end, int per_second) {
  const int n = static_cast<int>(std::lround((end - begin) * per_second));
  for (int i = 1; i <= n; ++i) times.push_back(begin + static_cast<double>(i) / per_second);
}

/// Of one client that stays.
RetainedWork work(const std::vector<double>& times, double run_end,
                  const std::vector<TimeSpan>& halted = {}) {
  std::vector<AcceptedUpdate> accepted;
  for (double t : times) accepted.push_back({t, 1});
  return {accepted, halted, run_end};
}

}  // namespace

TEST_CASE("downtime is what the halts have in common with the time from request to forgotten") {
  auto e = request(10, 20.0);
  fill_erasure_figures(e, {}, {}, {}, 100);
  CHECK(e.downtime_seconds == 0.0);
  // 2 before the request, 3 within, 4 astride its end of which 1 counts, 50 later; two that overlap count
  // once.
  fill_erasure_figures(e, {}, {}, {{19, 23}, {8, 12}, {13, 15}, {14, 16}, {14, 14.5}, {50, 60}}, 100);
  CHECK(*e.downtime_seconds == doctest::Approx(2 + 3 + 1));
  auto never = request(10, std::nullopt);
  fill_erasure_figures(never, {}, {}, {{12, 13}, {90, 120}}, 100);
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
  fill_erasure_figures(e, {}, work(accepted, 40), {}, 40);
  CHECK(*e.retained_throughput_ratio == doctest::Approx(0.75));

  SUBCASE("a short erasure is measured over a quarter of the time before it") {
    // Forgotten at once: windows (15, 20] and (20, 25].
    std::vector<double> times;
    add_updates(times, 0, 15, 9);
    add_updates(times, 15, 20, 2);
    add_updates(times, 20, 25, 4);
    auto quick = request(20, 20.0);
    fill_erasure_figures(quick, {}, work(times, 40), {}, 40);
    CHECK(*quick.retained_throughput_ratio == doctest::Approx(2.0));
  }
  SUBCASE("windows are cut at the run's begin and end, and rates count per second of what remains") {
    // r = 4, f = 24: (4, 24] cut to (4, 14], (-16, 4] cut to (0, 4].
    std::vector<double> times;
    add_updates(times, 0, 4, 5);
    add_updates(times, 4, 14, 5);
    auto cut = request(4, 24.0);
    fill_erasure_figures(cut, {}, work(times, 14), {}, 14);
    CHECK(*cut.retained_throughput_ratio == doctest::Approx(1.0));
  }
  SUBCASE("never forgotten: up to the run's end") {
    std::vector<double> times;
    add_updates(times, 0, 20, 4);
    add_updates(times, 20, 30, 1);
    auto never = request(20, std::nullopt);
    fill_erasure_figures(never, {}, work(times, 30), {}, 30);
    CHECK(*never.retained_throughput_ratio == doctest::Approx(0.25));
  }
  SUBCASE("an update at the very moment of the request came before it; a halted federation has ratio 0") {
    auto halted = request(20, 30.0);
    fill_erasure_figures(halted, {}, work({20.0}, 40, {{20, 30}}), {{20, 30}}, 40);
    CHECK(halted.retained_throughput_ratio == 0.0);
  }
  SUBCASE("absent when nothing can be compared") {
    auto first = request(20, 30.0);
    fill_erasure_figures(first, {}, work({25.0}, 40), {}, 40);
    CHECK_FALSE(first.retained_throughput_ratio);
    auto at_start = request(0, 10.0);
    fill_erasure_figures(at_start, {}, work({0.0, 5.0}, 40), {}, 40);
    CHECK_FALSE(at_start.retained_throughput_ratio);
    auto at_end = request(40, std::nullopt);
    fill_erasure_figures(at_end, {}, work({35.0}, 40), {}, 40);
    CHECK_FALSE(at_end.retained_throughput_ratio);
  }
}
