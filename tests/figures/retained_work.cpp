/// Work of retained clients in windows whose contents are known by counting.
#include "figures/retained_work.hpp"

#include <doctest/doctest.h>

#include "figures/erasure_figures.hpp"

using namespace afu::figures;
using doctest::Approx;

namespace {

/// `clients` send together every `period`, first after it.
void bursts(std::vector<AcceptedUpdate>& to, std::uint32_t clients, double period, double begin, double end) {
  for (int i = 1; begin + i * period <= end + 1e-9; ++i)
    for (std::uint32_t c = 0; c < clients; ++c) to.push_back({begin + i * period, c});
}

double ratio(const RetainedWork& work, double requested, double forgotten, double run_end) {
  afu::record::ErasureRecord e;
  e.requested_at = requested;
  e.forgotten_at = forgotten;
  fill_erasure_figures(e, {}, work, {}, run_end);
  REQUIRE(e.retained_throughput_ratio);
  return *e.retained_throughput_ratio;
}

}  // namespace

TEST_CASE("equal clients that send in bursts keep their throughput, wherever the window's ends fall") {
  std::vector<AcceptedUpdate> accepted;
  bursts(accepted, 5, 0.244, 0, 24.4);
  const RetainedWork work(accepted, {}, 24.4);
  for (double requested : {0.976, 0.9760001, 0.98, 1.1, 1.3, 1.464, 5.0, 20.0}) {
    CAPTURE(requested);
    for (double took : {0.0, 0.001, 0.1, 0.244, 0.25, 1.0, 2.9}) {
      CAPTURE(took);
      CHECK(ratio(work, requested, requested + took, 24.4) == Approx(1.0));
    }
  }
  // A plain count has 5 updates in (0.98 - 0.245, 0.98] and none or 10 in a window behind it.
  CHECK(work.in(0.735, 0.98) == Approx(5 * 0.245 / 0.244));
}

TEST_CASE("clients of any pace and phase keep their throughput in a window shorter than their pace") {
  std::vector<AcceptedUpdate> accepted;
  double per_second = 0;
  for (std::uint32_t c = 0; c < 7; ++c) {
    const double period = 0.3 + 0.37 * c;
    per_second += 1 / period;
    for (int i = 1; i * period <= 40; ++i) accepted.push_back({i * period, c});
  }
  const RetainedWork work(accepted, {}, 40);
  CHECK(work.in(8, 8.1) == Approx(0.1 * per_second));
  CHECK(ratio(work, 8, 8.01, 40) == Approx(1.0));
  CHECK(ratio(work, 31, 39.9, 40) == Approx(1.0));  // to the run's end, with updates under way
}

TEST_CASE("what changes at the request is told: half the pace, half the clients, a halt") {
  std::vector<AcceptedUpdate> slower;
  bursts(slower, 4, 1, 0, 20);
  bursts(slower, 4, 2, 20, 40);
  CHECK(ratio(RetainedWork(slower, {}, 40), 20, 30, 40) == Approx(0.5));

  std::vector<AcceptedUpdate> fewer;
  bursts(fewer, 4, 1, 0, 20);
  for (int t = 21; t <= 200; ++t)
    for (std::uint32_t c : {0u, 1u}) fewer.push_back({static_cast<double>(t), c});
  // Two of four send on; each of the others' last one counts 10 s of the 180 s that it is awaited.
  CHECK(ratio(RetainedWork(fewer, {}, 200), 20, 30, 200) == Approx(0.5 + 2.0 * (10.0 / 180) / 40));

  std::vector<AcceptedUpdate> halted;
  bursts(halted, 4, 1, 0, 20);
  bursts(halted, 4, 1, 26, 60);  // jobs begin anew at 26
  const RetainedWork work(halted, {{20, 26}}, 60);
  CHECK(work.in(20, 26) == 0);
  CHECK(ratio(work, 20, 30, 60) == Approx(0.4));
}

TEST_CASE("a halt begins with the last update that drains into it; a retraining is none") {
  std::vector<AcceptedUpdate> accepted;
  bursts(accepted, 3, 1, 0, 11);
  const RetainedWork drained(accepted, {{10.5, 20}, {12, 15}, {19, 20}}, 30);  // the last at 11
  CHECK(drained.in(10, 11) == Approx(3));
  CHECK(drained.in(11, 20) == 0);
  CHECK(drained.in(20, 30) ==
        Approx(3));  // by the run's end each is awaited, so that none counts whole before

  std::vector<AcceptedUpdate> on;
  bursts(on, 3, 1, 0, 30);
  CHECK(RetainedWork(on, {{10, 20}}, 30).in(10, 20) == Approx(30));
}

TEST_CASE("nothing accepted is no work") {
  const RetainedWork none({}, {{1, 2}}, 10);
  CHECK(none.empty());
  CHECK(none.in(0, 10) == 0);
  const RetainedWork one({{4, 0}}, {}, 4);
  CHECK(one.in(0, 4) == 1);
  CHECK(one.in(1, 2) == Approx(0.25));
  CHECK(one.in(2, 2) == 0);
  CHECK(one.first() == 4);
  CHECK(one.last() == 4);
}

TEST_CASE("while the server stands still nothing grows, to the last bit") {
  const RetainedWork work({{0.07, 0}, {0.05, 1}, {3.1, 0}, {3.3, 1}, {7.7, 0}, {9.1, 1}},
                          {{0.0715170711, 1.2328541551561555}, {3.4, 6.456028908932718}}, 12.3);
  for (double begin : {0.0715170711, 0.1, 0.3, 0.7, 1.1})
    for (double end : {0.11, 0.31, 0.71, 1.13, 1.2328541551561555}) CHECK(work.in(begin, end) == 0);
  for (double begin : {3.4, 3.7, 4.1, 5.3, 6.1})
    for (double end : {3.71, 4.13, 5.33, 6.17, 6.456028908932718}) CHECK(work.in(begin, end) == 0);
  CHECK(work.in(0, 12.3) == Approx(6 + 2).epsilon(0.25));
  for (double at = 0; at < 12.3; at += 0.01) CHECK(work.in(at, at + 0.01) >= 0);
}
