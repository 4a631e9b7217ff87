#include "report/svg.hpp"

#include "report/svg_scale.hpp"

#include <doctest/doctest.h>

using namespace afu::report::svg;
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

TEST_CASE("a chart stands alone with its colours, panels do not") {
  Plot plot("a label", {"x", 0, 1, false, {}}, {"y", 0, 1, false, {}});
  plot.line({0}, {{0, 0}, {1, 1}});
  const auto alone = standalone(plot.finish());
  CHECK(alone.rfind("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\"", 0) == 0);
  CHECK(alone.find("--k0:") != alone.npos);
  CHECK(alone.find("svg .line {") != alone.npos);
  CHECK(alone.find("</svg>") != alone.npos);
  CHECK(standalone("<div class=\"panels\"></div>").empty());
}
