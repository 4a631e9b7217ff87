/// The timeline of a trace whose spans are known, written by the program's own builder.
#include "page/timeline.hpp"

#include <string>

#include "../record/temporary_folder.hpp"
#include "record/trace.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::figures;
using namespace afu::page;
using namespace afu::record;
using doctest::Approx;

namespace {

/// Two clients; the server halts from 10 to 14 for client 0's request.
Run write_run(const test::TemporaryFolder& folder) {
  TraceBuilder trace(folder / "trace.json", 2);
  const auto one = first_client_node + 1;
  trace.add(Event{1, 0, EventType::train_task, server_node, one, 1, 0, 0, 64});
  trace.add(Event{9, 1, EventType::job_done, one, one, 1, 0, 0, 0});
  trace.add(Event{10, 9, EventType::update, one, server_node, 1, 0, 0, 64});
  trace.add(Event{10, 10, EventType::erase_request, first_client_node, server_node, 0, 0, 0, 0});
  trace.add(Decision{10, Decision::Kind::halted, 0, 1, 0, 0, 0});
  trace.add(Decision{14, Decision::Kind::resumed, 0, 1, 0, 0, 0});
  trace.add(Event{15, 14, EventType::train_task, server_node, one, 2, 0, 0, 64});
  trace.add(Event{40, 15, EventType::job_done, one, one, 2, 0, 0, 0});
  trace.finish();
  Run run;
  run.folder = folder.path();
  run.summary.seed = 7;
  run.summary.virtual_seconds = 50;
  ErasureRecord e;
  e.requested_at = 10;
  e.merged_at = e.forgotten_at = 14;
  run.summary.erasures.push_back(e);
  return run;
}

}  // namespace

TEST_CASE("a trace is read back: tracks in order, spans in seconds") {
  test::TemporaryFolder folder;
  write_run(folder);
  const auto trace = read_trace(folder / "trace.json");
  CHECK(trace.tracks ==
        std::vector<std::string>{"server", "unlearner", "calibrator", "client/0", "client/1"});
  const auto is = [&](const char* track, const char* name, double begin, double end) {
    for (const auto& s : trace.spans)
      if (s.track == track && s.name == name && s.begin == Approx(begin) && s.end == Approx(end)) return true;
    return false;
  };
  CHECK(is("client/1", "download", 0, 1));
  CHECK(is("client/1", "compute", 1, 9));
  CHECK(is("client/1", "upload", 9, 10));
  CHECK(is("client/1", "stall", 10, 14));
  CHECK(is("server", "halted", 10, 14));
}

TEST_CASE(
    "of a trace only the spans that touch a window are kept, and what is broken is told with its place") {
  test::TemporaryFolder folder;
  write_run(folder);
  const auto trace = read_trace(folder / "trace.json", 12, 13);
  CHECK(trace.tracks.size() == 5);
  REQUIRE(trace.spans.size() == 2);  // the stall of the client that has work and the server's halt
  for (const auto& s : trace.spans) {
    CHECK(s.begin <= 13);
    CHECK(s.end >= 12);
  }
  const auto why = [&](const std::string& text) -> std::string {
    test::write_text(folder / "trace.json", text);
    try {
      read_trace(folder / "trace.json");
    } catch (const ReportError& e) {
      return std::string(e.what()).substr(std::string(e.what()).find("trace.json"));
    }
    return "it was read";
  };
  CHECK(why("[\n{\"ph\": oops}]").find("trace.json:2: is no JSON") == 0);
  CHECK(why("{\"a\": 1}") == "trace.json: [0] is no event: the file is to be an array of objects");
  CHECK(why("[[1]]") == "trace.json: [0] is no event: the file is to be an array of objects");
  CHECK(why("[{\"pid\": 1, \"tid\": 1, \"ph\": \"X\", \"name\": \"wait\", \"ts\": 1}]") ==
        "trace.json: [0] has no number dur");
  CHECK(why("[{\"pid\": 1, \"tid\": 1}]") == "trace.json: [0] has no text ph");
  CHECK(why("[{\"pid\": 2, \"args\": " + std::string(200000, '[') + "1").find("nests deeper than 100") !=
        std::string::npos);
  CHECK(why("[{\"pid\": 2, \"x\": 1e999}]").find("trace.json:1: is no JSON: ") == 0);
  CHECK(why("[]") == "it was read");
}

TEST_CASE("the timeline shows a round before the request to five behind it") {
  test::TemporaryFolder folder;
  const auto run = write_run(folder);
  const auto chart = timeline(run, 2.0, "timeline", "mine");  // 8 to 20 s
  REQUIRE(chart);
  const auto csv = to_csv(chart->data);
  CHECK(csv.find("client/1,download,0,") == csv.npos);  // over before it begins
  CHECK(csv.find("client/1,compute,1,9\n") != csv.npos);
  CHECK(csv.find("client/1,stall,10,14\n") != csv.npos);
  CHECK(csv.find("server,halted,10,14\n") != csv.npos);
  CHECK(chart->svg.find("class=\"g-stall\"") != std::string::npos);
  CHECK(chart->svg.find(">request</text>") != std::string::npos);
  CHECK(chart->svg.find(">stalls, halted</text>") != std::string::npos);
  CHECK(chart->caption.find("goes on until") == std::string::npos);
}

TEST_CASE("what the window does not hold is said; without a trace or a request there is no timeline") {
  test::TemporaryFolder folder;
  auto run = write_run(folder);
  run.summary.erasures[0].forgotten_at = 45;
  CHECK(timeline(run, 2.0, "timeline", "mine")->caption.find("goes on until 45.00 s") != std::string::npos);
  test::write_text(folder / "trace.json", "[{]");
  CHECK_THROWS_WITH_AS(timeline(run, 2.0, "t", "mine"), doctest::Contains("trace.json:1"), ReportError);
  std::filesystem::remove(folder / "trace.json");
  CHECK_FALSE(timeline(run, 2.0, "t", "mine"));
  auto unasked = write_run(folder);
  unasked.summary.erasures.clear();
  CHECK_FALSE(timeline(unasked, 2.0, "t", "mine"));
}
