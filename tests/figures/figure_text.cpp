#include "figures/figure_text.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace afu::figures;

TEST_CASE(
    "figures are written one way: shares in per cent, differences in points, areas, losses and scores plain") {
  const auto& attack = *find_metric("attack_success_rate");
  const auto& area = *find_metric("mia_auc");
  const auto& loss = *find_metric("test_loss");
  const auto& brier = *find_metric("brier_score");
  CHECK(value_text(loss, 1.25) == "1.250");
  CHECK(difference_text(loss, 0.5) == "+0.500");
  CHECK(margin_text(loss, 0.05) == "0.050");
  CHECK(interval_text(loss, {-0.5, 1.5}) == "[-0.500, +1.500]");
  for (const auto& m : metrics()) {
    CAPTURE(m.name);
    const bool share = m.quantity == Quantity::share;
    CHECK(share == (m.name != std::string("mia_auc") && m.name != std::string("test_auc") && &m != &loss &&
                    &m != &brier));
    CHECK((value_text(m, 0.5).find('%') != std::string::npos) == share);
    CHECK((*scale_of(m).unit != 0) == share);
    CHECK((*difference_scale_of(m).unit != 0) == share);
    CHECK(unit_of(m) == std::string(&m == &loss ? "nats" : &m == &brier ? "score" : "share"));
  }
  CHECK(value_text(attack, 0.8125) == "81.2 %");
  CHECK(share_text(0.8125) == value_text(attack, 0.8125));
  CHECK(difference_text(attack, -0.0041) == "-0.4 pp");
  CHECK(points_text(-0.0041) == difference_text(attack, -0.0041));
  CHECK(value_text(area, 0.5) == "0.500");
  CHECK(difference_text(area, 0.0123) == "+0.012");
  CHECK(margin_text(attack, 0.05) == "5.0 pp");
  CHECK(interval_text(attack, {-0.004, 0.016}) == "[-0.4, +1.6]");
  for (const auto& text : {value_text(attack, {}), difference_text(area, {}), share_text({}), points_text({}),
                           seconds_text({}), p_text({})})
    CHECK(text == absent_text);
  CHECK(seconds_text(99.994) == "99.99 s");
  CHECK(seconds_text(100.4) == "100 s");
  CHECK(p_text(0.0004) == "< 0.001");
  CHECK(p_text(0.0314) == "0.031");
  CHECK(bytes_text(999) == "999 B");
  CHECK(bytes_text(1500) == "1.5 kB");
  CHECK(bytes_text(2.5e13) == "25.0 TB");
}
