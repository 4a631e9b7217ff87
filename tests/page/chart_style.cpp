/// Exported charts as programs without CSS draw them: rendered by librsvg and looked at, pixel by pixel.
#include "page/chart_style.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "data/image_file.hpp"
#include "page/report.hpp"
#include "record/trace.hpp"
#include "tests/figures/study_folder.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::figures;
using namespace afu::page;
namespace fs = std::filesystem;

namespace {

constexpr int side = 240;

struct Picture {
  std::size_t colours = 0;  ///< of eight levels a channel
  double dark = 0, light = 0, coloured = 0;
};

Picture look_at(const fs::path& png) {
  const auto pixels = data::read_image(png.string(), 3, side).pixels;
  const std::size_t plane = static_cast<std::size_t>(side) * side;
  REQUIRE(pixels.size() == 3 * plane);
  std::map<int, std::size_t> seen;
  Picture p;
  for (std::size_t i = 0; i < plane; ++i) {
    const int r = pixels[i], g = pixels[plane + i], b = pixels[2 * plane + i];
    ++seen[r / 32 * 64 + g / 32 * 8 + b / 32];
    p.dark += r + g + b < 3 * 64;
    p.light += r + g + b > 3 * 240;
    p.coloured += std::max({r, g, b}) - std::min({r, g, b}) > 60;
  }
  p.colours = seen.size();
  for (double* share : {&p.dark, &p.light, &p.coloured}) *share /= static_cast<double>(plane);
  return p;
}

bool has_rsvg() { return std::system("command -v rsvg-convert > /dev/null 2>&1") == 0; }

Picture rendered(const fs::path& svg, const fs::path& png) {
  const auto command = "rsvg-convert -w " + std::to_string(side) + " -h " + std::to_string(side) + " -o '" +
                       png.string() + "' '" + svg.string() + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  return look_at(png);
}

/// A halt with a stall in a run of two clients.
void add_trace(const fs::path& cell) {
  using namespace record;
  TraceBuilder trace(cell / "trace.json", 2);
  const auto one = first_client_node + 1;
  trace.add(Event{91, 90, EventType::train_task, server_node, one, 1, 0, 0, 64});
  trace.add(Event{99, 91, EventType::job_done, one, one, 1, 0, 0, 0});
  trace.add(Event{100, 99, EventType::update, one, server_node, 1, 0, 0, 64});
  trace.add(Decision{100, Decision::Kind::halted, 0, 1, 0, 0, 0});
  trace.add(Decision{102, Decision::Kind::resumed, 0, 1, 0, 0, 0});
  trace.finish();
}

}  // namespace

TEST_CASE("classes become attributes in the light colours, with what is inherited where it was") {
  const auto plain = plain_svg(
      "<svg class=\"chart\" viewBox=\"0 0 10 5\"><g class=\"axis\"><text class=\"end\">class=\"x\"</text></g>"
      "<line class=\"line k1 dashed\"/><circle class=\"hollow k0\"></circle>"
      "<circle class=\"hover\" r=\"5\"><title>t</title></circle><rect class=\"g-erase\"/></svg>",
      10, 5);
  const auto has = [&](const std::string& part) { return plain.find(part) != plain.npos; };
  CHECK(has("width=\"10\" height=\"5\""));
  CHECK(has("fill=\"#1d2126\" viewBox=\"0 0 10 5\"><rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"));
  CHECK(has("<g fill=\"#5b636d\"><text text-anchor=\"end\">"));
  CHECK(has("<line fill=\"none\" stroke=\"#d55e00\" stroke-dasharray=\"7 4\""));
  CHECK(has("<circle fill=\"#ffffff\" fill-opacity=\"0.5\" stroke=\"#1d2126\""));
  CHECK(has("<rect fill=\"#cc79a7\"/>"));
  CHECK_FALSE(has("hover"));
  CHECK_FALSE(has("<title>"));
}

TEST_CASE("the page's rules and the files' attributes are of one table") {
  const auto css = chart_css();
  CHECK(css.find("svg .band { fill: currentColor; fill-opacity: 0.18; stroke: none; }") != css.npos);
  CHECK(css.find("svg .margin { fill: var(--k3); fill-opacity: 0.16; }") != css.npos);
}

TEST_CASE("every exported chart has its colours without a browser") {
  test::SyntheticStudy made({1, 2, 3});
  made.axis("slow.factor", {"1", "2", "30"});
  made.axis("policy", {"\"go\"", "\"halt\""});  // panels
  test::fill_good_study(made);
  const auto cell = made.folder / "cells/mine/policy=\"go\"/slow.factor=1/seed=1";
  add_trace(cell);
  test::TemporaryFolder study, run;
  write_report(report_on(made.folder.path()), study.path());
  write_report(report_on(cell), run.path());
  std::vector<fs::path> charts;
  for (const auto& folder : {study / "charts", run / "charts"})
    for (const auto& entry : fs::directory_iterator(folder)) charts.push_back(entry.path());
  // Axis charts of two axes, six figures each; curves and the timeline of a run.
  for (const char* name :
       {"axis-factor-time-to-erase.svg", "axis-policy-downtime.svg", "axis-factor-mia-auc.svg",
        "pareto-group-1.svg", "rebound-all-group-1.svg", "timeline-1-group-1.svg"}) {
    CAPTURE(name);
    CHECK(fs::exists(study / ("charts/" + std::string(name))));
  }
  CHECK(fs::exists(run / "charts/timeline.svg"));
  CHECK(charts.size() > 25);
  for (const auto& chart : charts) {
    const auto text = test::text_of(chart);
    CAPTURE(chart.filename().string());
    for (const char* only_css : {"var(", "currentColor", "class=", "<style"})
      CHECK(text.find(only_css) == text.npos);
  }
  if (!has_rsvg()) {
    MESSAGE("skipped: rsvg-convert is not here (librsvg2-bin)");
    return;
  }
  const auto png = study / "picture.png";
  for (const auto& chart : charts) {
    CAPTURE(chart.filename().string());
    const auto p = rendered(chart, png);
    CHECK(p.colours >= 4);
    CHECK(p.dark < 0.2);
    CHECK(p.light > 0.4);
    CHECK(p.coloured > 0.0005);
  }
  // What the check is for: the same picture by classes and variables is black.
  test::write_text(study / "classes.svg",
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 10 10\"><style>rect { fill: "
                   "var(--paper) }</style><rect width=\"100%\" height=\"100%\"/></svg>");
  const auto black = rendered(study / "classes.svg", png);
  CHECK(black.colours == 1);
  CHECK(black.dark == 1);
}
