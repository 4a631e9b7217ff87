#include "page/svg.hpp"

#include <cmath>
#include <vector>

#include "page/svg_scale.hpp"

#include <doctest/doctest.h>

using namespace afu::page::svg;
using doctest::Approx;

TEST_CASE("ticks stand at 1, 2 or 5 times a power of ten") {
  const auto t = ticks_of({"", 0, 100, false, {}}, 5);
  REQUIRE(t.size() == 6);
  CHECK(t[0].text == "0");
  CHECK(t[1].text == "20");
  CHECK(t[5].at == 100);
  const auto small = ticks_of({"", -0.021, 0.021, false, {}}, 5);
  REQUIRE(small.size() == 5);
  CHECK(small[0].text == "-0.02");
  CHECK(small[2].text == "0");
}

TEST_CASE("durations that span more than a factor of 30 stand on a logarithmic axis, with a place for 0") {
  CHECK_FALSE(axis_of_durations("", {1, 20}).logarithmic);
  const auto a = axis_of_durations("", {0, 0.5, 80});
  CHECK(a.logarithmic);
  CHECK(a.low == Approx(0.01));
  CHECK(share_of(a, 0) == 0);
  CHECK(share_of(a, a.high) == Approx(1));
  CHECK(ticks_of(a, 5).front().text == "0");
  CHECK_FALSE(axis_of_durations("", {0, 0}).logarithmic);
}

TEST_CASE("an axis over values leaves room, and includes 0 where asked") {
  const auto a = axis_over("", {10, 20});
  CHECK(a.low < 10);
  CHECK(a.high > 20);
  const auto zero = axis_over("", {10, 20}, true);
  CHECK(zero.low == 0);
  const auto one = axis_over("", {5, 5});
  CHECK(one.low < 5);
  CHECK(one.high > 5);
  const auto rounded = axis_over("", {0.82, 0.82 + 1e-16, 0.82 - 1e-16});  // equal but for rounding
  CHECK(rounded.high - rounded.low > 0.1);
  CHECK(ticks_of(rounded, 5).size() < 12);
}

TEST_CASE("text is escaped, and characters that XML does not allow are left out") {
  CHECK(escaped("a<b>&\"c'\x01") == "a&lt;b&gt;&amp;&quot;c&#39;");
}

TEST_CASE("a plot has its axes' titles, its points' hover texts and a label") {
  Plot plot("what <it> is", {"time (s)", 0, 10, false, {}}, {"share (%)", 0, 100, false, {}});
  plot.dot({1}, 5, 50, "half & half");
  plot.key(Style{1}, "mine");
  const auto text = plot.finish();
  for (const char* part : {"aria-label=\"what &lt;it&gt; is\"", ">time (s)</text>", ">share (%)</text>",
                           "<title>half &amp; half</title>", ">mine</text>"}) {
    CAPTURE(part);
    CHECK(text.find(part) != text.npos);
  }
}

TEST_CASE("ticks are few however far durations lie apart") {
  for (const auto& values : {std::vector<double>{5e-324, 1},
                             {1e-300, 1.7e308},
                             {5e-324, 1.7e308},
                             {1e-9, 1e9},
                             {5e-324},
                             {1.7e308},
                             {0, 5e-324},
                             {0, 1e-310, 2e-310}}) {
    CAPTURE(values.back());
    const auto a = axis_of_durations("", values);
    const auto ticks = ticks_of(a, 5);
    CHECK(ticks.size() >= 1);
    CHECK(ticks.size() <= 12);
    for (const auto& t : ticks) {
      CHECK(t.text.size() <= 10);
      CHECK(std::isfinite(share_of(a, t.at)));
    }
    for (double v : values) CHECK(std::isfinite(share_of(a, v)));
  }
  // Twelve decades; what is less stands below the first and is told from 0.
  const auto a = axis_of_durations("", {1e-30, 1});
  CHECK(a.logarithmic);
  CHECK(a.cut);
  CHECK(ticks_of(a, 5).front().text == "< 1e-12");
  CHECK_FALSE(axis_of_durations("", {0, 1e-3, 1}).cut);
}

TEST_CASE("a linear axis of any size has labels that differ") {
  for (const auto& values :
       {std::vector<double>{1e-12, 5e-12}, {1e12, 9e12}, {-1.7e308, 1.7e308}, {3e-320, 4e-320}}) {
    const auto ticks = ticks_of(axis_over("", values), 5);
    CHECK(ticks.size() <= 16);
    for (std::size_t i = 1; i < ticks.size(); ++i) CHECK(ticks[i].text != ticks[i - 1].text);
  }
}

TEST_CASE("a chart stands alone in plain attributes, of its size; several panels do as one picture") {
  Plot plot("a label", {"x", 0, 1, false, {}}, {"y", 0, 1, false, {}});
  plot.line({2}, {{0, 0}, {1, 1}});
  plot.hover(0.5, 0.5, "told by a page alone");
  plot.key(Style{1}, "mine");
  const auto chart = plot.finish();
  const auto alone = standalone(chart);
  CHECK(alone.rfind("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"420\" height=\"278\" ", 0) == 0);
  CHECK(alone.find("stroke=\"#0072b2\"") != alone.npos);
  CHECK(alone.find("</svg>") != alone.npos);
  const auto both =
      standalone({{"left <1>", chart}, {"right", chart}, {"below", chart}}, {{Style{1}, "mine"}});
  CHECK(both.find("left &lt;1&gt;") != both.npos);
  CHECK(both.rfind("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"858\"", 0) == 0);
  for (const auto* text : {&alone, &both})
    for (const char* only_css : {"var(", "currentColor", "class=", "<style", "told by a page"}) {
      CAPTURE(only_css);
      CHECK(text->find(only_css) == text->npos);
    }
  CHECK(standalone("<div class=\"panels\"></div>").empty());
}
