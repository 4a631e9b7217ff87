#include "figures/request_figures.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace afu::figures;
using afu::record::ErasureRecord;
using afu::record::MetricsRow;

namespace {

using Figure = std::optional<double>;

/// One row: of each request its attack success rate and its forget accuracy.
MetricsRow row(double time, const std::vector<std::pair<Figure, Figure>>& requests) {
  MetricsRow r;
  r.time = time;
  for (const auto& [attack, forget] : requests) r.requests.push_back({forget, attack, {}});
  return r;
}
MetricsRow row(double time, Figure attack, Figure forget = std::nullopt) {
  return row(time, std::vector<std::pair<Figure, Figure>>{{attack, forget}});
}

ErasureRecord request(double at, Figure forgotten, std::uint32_t index = 0) {
  ErasureRecord e;
  e.requested_at = at;
  e.forgotten_at = forgotten;
  e.request = index;
  return e;
}

}  // namespace

TEST_CASE("rebound is measured from the first evaluation of the forgotten model") {
  const std::vector<MetricsRow> rows{row(1, 0.9, 0.9),    row(5, 0.95, 0.9),  // training
                                     row(10, 0.10, 0.5),                      // m(0+)
                                     row(11, 0.30, 0.55), row(12, 0.20, 0.6), row(13, 0.10, 0.6),
                                     row(14, 0.05, 0.6),  row(15, 0.15, 0.6), row(16, 0.25, 0.7)};
  auto e = request(5, 9.0);
  fill_request_figures(e, rows);
  CHECK(e.rebound_of == "attack_success_rate");
  CHECK(*e.rebound_max == doctest::Approx(0.20));
  CHECK(*e.rebound_end == doctest::Approx((0.20 + 0.10 + 0.05 + 0.15 + 0.25) / 5 - 0.10));
  CHECK(e.final.attack_success_rate == 0.25);
  CHECK(e.final.forget_accuracy == 0.7);

  SUBCASE("where it has no attack success rate of its own it is the forget accuracy's") {
    auto plain = rows;
    for (auto& r : plain) r.requests[0].attack_success_rate.reset();
    fill_request_figures(e, plain);
    CHECK(e.rebound_of == "forget_accuracy");
    CHECK(*e.rebound_max == doctest::Approx(0.20));
    CHECK(*e.rebound_end == doctest::Approx((0.6 * 4 + 0.7) / 5 - 0.5));
  }
  SUBCASE("fewer than five later rows: their mean; falling only: negative") {
    auto late = request(5, 14.5);
    fill_request_figures(late, {row(15, 0.5), row(16, 0.4), row(17, 0.2)});
    CHECK(*late.rebound_max == doctest::Approx(-0.1));
    CHECK(*late.rebound_end == doctest::Approx(-0.2));
  }
  SUBCASE("a version published in the same instant, before the erasure, is not m(0+)") {
    auto tie = request(5, 10.0);
    fill_request_figures(tie, {row(10, 0.9), row(10, 0.1), row(11, 0.2)});
    CHECK(*tie.rebound_max == doctest::Approx(0.1));
    CHECK(*tie.rebound_end == doctest::Approx(0.1));
  }
  SUBCASE("rows without the figure are passed over") {
    auto gaps = request(5, 10.0);
    fill_request_figures(gaps, {row(10, std::nullopt, 0.5), row(11, 0.2),
                                row(12, std::numeric_limits<double>::quiet_NaN()), row(13, 0.3)});
    CHECK(*gaps.rebound_max == doctest::Approx(0.1));
    CHECK(*gaps.rebound_end == doctest::Approx(0.1));
  }
  SUBCASE("absent when never forgotten, or when nothing follows") {
    auto never = request(5, std::nullopt);
    never.rebound_max = 7;  // of an earlier call
    fill_request_figures(never, rows);
    CHECK_FALSE(never.rebound_max);
    CHECK_FALSE(never.rebound_end);
    CHECK(never.rebound_of.empty());
    CHECK(never.final.forget_accuracy == 0.7);
    auto last = request(5, 16.0);
    fill_request_figures(last, rows);
    CHECK_FALSE(last.rebound_max);
    CHECK_FALSE(last.rebound_end);
    auto unmeasured = request(5, 9.0);
    fill_request_figures(unmeasured, {});
    CHECK_FALSE(unmeasured.rebound_max);
    CHECK_FALSE(unmeasured.final.forget_accuracy);
  }
}

TEST_CASE("of two requests at once each has the figures of its own samples") {
  // The union's forget accuracy, with as many samples each, would be 0.75, 0.35, 0.45, 0.55: a rebound of 0.2
  // for both.
  const std::vector<MetricsRow> rows{row(1, {{0.9, 0.9}, {{}, 0.6}}),  //
                                     row(2, {{0.1, 0.2}, {{}, 0.5}}),  // both are forgotten
                                     row(3, {{0.4, 0.5}, {{}, 0.4}}),  //
                                     row(4, {{0.2, 0.6}, {{}, 0.5}})};
  auto first = request(1, 2.0, 0), second = request(1, 2.0, 1);
  fill_request_figures(first, rows);
  fill_request_figures(second, rows);
  CHECK(first.rebound_of == "attack_success_rate");
  CHECK(*first.rebound_max == doctest::Approx(0.3));
  CHECK(*first.rebound_end == doctest::Approx(0.3 - 0.1));
  CHECK(first.final.attack_success_rate == 0.2);
  CHECK(second.rebound_of == "forget_accuracy");
  CHECK(*second.rebound_max == doctest::Approx(0.0));
  CHECK(*second.rebound_end == doctest::Approx(0.45 - 0.5));
  CHECK_FALSE(second.final.attack_success_rate);
  CHECK(second.final.forget_accuracy == 0.5);
}
