#include "record/trace.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/record/temporary_folder.hpp"

using namespace afu::record;
using afu::test::TemporaryFolder;
using afu::test::text_of;
using nlohmann::json;
using Kind = Decision::Kind;

namespace {

constexpr NodeId client(unsigned k) { return first_client_node + k; }

struct Span {
  std::string name;
  double begin, end;  // seconds
  bool operator==(const Span& o) const {
    return name == o.name && begin == doctest::Approx(o.begin) && end == doctest::Approx(o.end);
  }
};
std::ostream& operator<<(std::ostream& out, const Span& s) {
  return out << s.name << " [" << s.begin << ", " << s.end << "]";
}
std::ostream& operator<<(std::ostream& out, const std::vector<Span>& spans) {
  for (const auto& s : spans) out << s << "; ";
  return out;
}

/// A trace file as read back: what any trace must hold is required here.
struct Trace {
  json records;
  std::map<std::string, std::pair<int, int>> tracks;  // "process/thread" -> pid, tid
  std::map<int, std::string> processes;

  explicit Trace(const std::filesystem::path& file) : records(json::parse(text_of(file))) {
    REQUIRE(records.is_array());
    std::map<std::pair<int, int>, std::string> names;
    for (const auto& r : records)
      if (r["name"] == "process_name") processes[r["pid"]] = r["args"]["name"];
    for (const auto& r : records) {
      if (r["name"] != "thread_name") continue;
      const std::pair<int, int> id{r["pid"], r["tid"]};
      REQUIRE(names.count(id) == 0);
      names[id] = r["args"]["name"];
      tracks[processes.at(id.first) + "/" + names[id]] = id;
    }
    std::map<std::pair<int, int>, std::vector<std::pair<double, double>>> spans;
    std::map<int, std::string> flows;
    for (const auto& r : records) {
      const std::string phase = r["ph"];
      REQUIRE(std::set<std::string>{"M", "X", "i", "C", "s", "t", "f"}.count(phase) == 1);
      REQUIRE(r["pid"].get<int>() > 0);
      if (phase == "M") continue;
      REQUIRE(r["ts"].get<double>() >= 0);
      if (phase == "C") continue;
      const std::pair<int, int> id{r["pid"], r["tid"]};
      REQUIRE(names.count(id) == 1);  // no track without a name
      REQUIRE(id.second > 0);
      if (phase == "X") {
        REQUIRE(r["dur"].get<double>() >= 0);
        spans[id].emplace_back(r["ts"], r["ts"].get<double>() + r["dur"].get<double>());
      }
      if (phase == "s" || phase == "t" || phase == "f") flows[r["id"]] += phase;
    }
    for (const auto& flow : flows) {
      const auto& path = flow.second;
      REQUIRE_MESSAGE((path == "s" || path == "st" || path == "stf" || path == "sf"), path);
    }
    for (auto& [id, list] : spans) {
      std::sort(list.begin(), list.end());
      for (std::size_t i = 1; i < list.size(); ++i) REQUIRE(list[i].first >= list[i - 1].second - 1e-6);
    }
  }

  std::vector<Span> spans(const std::string& track) const {
    const auto [pid, tid] = tracks.at(track);
    std::vector<Span> out;
    for (const auto& r : records)
      if (r["ph"] == "X" && r["pid"] == pid && r["tid"] == tid)
        out.push_back(
            {r["name"], r["ts"].get<double>() / 1e6, (r["ts"].get<double>() + r["dur"].get<double>()) / 1e6});
    return out;
  }
  std::vector<json> phase(const std::string& ph) const {
    std::vector<json> out;
    for (const auto& r : records)
      if (r["ph"] == ph) out.push_back(r);
    return out;
  }
};

/// A task of client k: leaves the server at `begin`, one second down, `work` seconds of computation, one
/// second up.
void add_round(TraceBuilder& trace, unsigned k, double begin, double work, std::uint64_t version = 0) {
  const auto c = client(k);
  trace.add(Event{begin + 1, begin, EventType::train_task, server_node, c, 1, version, 0, 100});
  trace.add(Event{begin + 1 + work, begin + 1, EventType::job_done, c, c, 1, version, 0, 0});
  trace.add(Event{begin + 2 + work, begin + 1 + work, EventType::update, c, server_node, 1, version, 0, 100});
}

}  // namespace

TEST_CASE("a client's track: download, compute, upload, and the wait for the next task") {
  TemporaryFolder tmp;
  {
    TraceBuilder trace(tmp / "trace.json", 2);
    add_round(trace, 0, 0.0, 3.0);
    trace.add(Decision{5, Kind::merged, 0, 1, 0, 2, 0.25});
    add_round(trace, 0, 7.0, 1.0, 1);
    trace.finish();
    trace.finish();
  }
  const Trace t(tmp / "trace.json");
  CHECK(t.processes == std::map<int, std::string>{{1, "simulated time"}, {2, "lanes (real time)"}});
  std::set<std::string> names;
  for (const auto& [name, id] : t.tracks) names.insert(name);
  CHECK(names == std::set<std::string>{"simulated time/server", "simulated time/unlearner",
                                       "simulated time/calibrator", "simulated time/client/0",
                                       "simulated time/client/1"});
  CHECK(t.spans("simulated time/client/0") == std::vector<Span>{{"download", 0, 1},
                                                                {"compute", 1, 4},
                                                                {"upload", 4, 5},
                                                                {"wait", 5, 7},
                                                                {"download", 7, 8},
                                                                {"compute", 8, 9},
                                                                {"upload", 9, 10}});
  CHECK(t.spans("simulated time/client/1") == std::vector<Span>{{"wait", 0, 10}});

  // The merge: an instant on the server, reached by an arrow from the computation over the upload.
  const auto instants = t.phase("i");
  REQUIRE(instants.size() == 1);
  CHECK(instants[0]["name"] == "merged");
  CHECK(instants[0]["tid"] == t.tracks.at("simulated time/server").second);
  CHECK(instants[0]["args"] ==
        json{{"client", 0}, {"version", 1}, {"epoch", 0}, {"staleness", 2}, {"weight", 0.25}});
  const auto starts = t.phase("s"), steps = t.phase("t"), ends = t.phase("f");
  REQUIRE(starts.size() == 2);
  REQUIRE(steps.size() == 2);
  REQUIRE(ends.size() == 1);
  CHECK(starts[0]["ts"] == 1e6);
  CHECK(steps[0]["ts"] == 4e6);
  CHECK(ends[0]["ts"] == 5e6);
  CHECK(ends[0]["tid"] == instants[0]["tid"]);
  CHECK(ends[0]["id"] == starts[0]["id"]);

  std::map<std::string, int> counters;
  for (const auto& c : t.phase("C")) counters[c["name"]] = c["args"][c["name"].get<std::string>()];
  CHECK(counters == std::map<std::string, int>{{"version", 1}, {"epoch", 0}, {"staleness", 2}});
}

TEST_CASE("waiting while the server is halted is a stall") {
  TemporaryFolder tmp;
  {
    TraceBuilder trace(tmp / "trace.json", 2);
    add_round(trace, 0, 0.0, 1.0);  // idle from 3
    trace.add(Decision{5, Kind::halted, 1, 1, 0, 0, 0});
    trace.add(Decision{6, Kind::halted, 1, 1, 0, 0, 0});  // already halted: nothing new
    trace.add(Decision{8, Kind::resumed, 1, 1, 0, 0, 0});
    trace.add(Decision{8.5, Kind::halted, 1, 1, 0, 0, 0});
    trace.add(Decision{9, Kind::resumed, 1, 1, 0, 0, 0});
    add_round(trace, 0, 10.0, 1.0);  // idle from 13
    trace.add(Decision{12, Kind::halted, 1, 2, 0, 0, 0});
    trace.add(Decision{15, Kind::diverged, 1, 2, 0, 0, 0});
  }
  const Trace t(tmp / "trace.json");
  CHECK(t.spans("simulated time/client/0") == std::vector<Span>{{"download", 0, 1},
                                                                {"compute", 1, 2},
                                                                {"upload", 2, 3},
                                                                {"wait", 3, 5},
                                                                {"stall", 5, 8},
                                                                {"wait", 8, 8.5},
                                                                {"stall", 8.5, 9},
                                                                {"wait", 9, 10},
                                                                {"download", 10, 11},
                                                                {"compute", 11, 12},
                                                                {"upload", 12, 13},
                                                                {"stall", 13, 15}});
  CHECK(t.spans("simulated time/server") ==
        std::vector<Span>{{"halted", 5, 8}, {"halted", 8.5, 9}, {"halted", 12, 15}});
}

TEST_CASE("lost work, and a client that left, are no waiting") {
  TemporaryFolder tmp;
  {
    TraceBuilder trace(tmp / "trace.json", 3);
    const auto a = client(0), b = client(1), c = client(2);
    trace.add(Event{1, 0, EventType::train_task, server_node, a, 0, 0, 0, 1});
    trace.add(Event{1, 0, EventType::train_task, server_node, b, 0, 0, 0, 1});
    trace.add(Event{1, 0, EventType::train_task, server_node, c, 0, 0, 0, 1});
    trace.add(Event{4, 3, EventType::dropped, b, server_node, 0, 0, 0, 0});
    trace.add(Event{4, 3.5, EventType::erase_request, c, server_node, 0, 0, 0, 0});
    trace.add(Event{5, 3, EventType::job_done, a, a, 0, 0, 0, 0});
    trace.add(Event{5, 1, EventType::job_done, c, c, 0, 0, 0, 0});
    trace.add(Event{6, 5, EventType::update, a, server_node, 0, 0, 0, 1});
    trace.add(Event{6, 5, EventType::update, c, server_node, 0, 0, 0, 1});
    trace.add(Event{20, 19, EventType::calibrate_job_done, calibrator_node, calibrator_node, 0, 0, 0, 0});
  }
  const Trace t(tmp / "trace.json");
  CHECK(t.spans("simulated time/client/0") ==
        std::vector<Span>{{"download", 0, 1}, {"compute", 3, 5}, {"upload", 5, 6}, {"wait", 6, 20}});
  CHECK(t.spans("simulated time/client/1") ==
        std::vector<Span>{{"download", 0, 1}, {"lost", 1, 3}, {"upload", 3, 4}, {"wait", 4, 20}});
  CHECK(t.spans("simulated time/client/2") ==
        std::vector<Span>{{"download", 0, 1}, {"compute", 1, 5}, {"upload", 5, 6}});
  CHECK(t.phase("i").size() == 1);
}

TEST_CASE("erasures and calibrations have tracks of their own; so have lanes, in real time") {
  TemporaryFolder tmp;
  {
    TraceBuilder trace(tmp / "trace.json", 1);
    trace.add(Event{2, 1, EventType::erase_task, server_node, unlearner_node, 0, 3, 0, 10});
    trace.add(Event{5, 2, EventType::erase_job_done, unlearner_node, unlearner_node, 0, 3, 0, 0});
    trace.add(Event{5, 5, EventType::erase_result, unlearner_node, server_node, 0, 3, 0, 10});
    trace.add(Decision{5, Kind::erasure_merged, 0, 4, 1, 0, 1});
    trace.add(Event{5, 5, EventType::calibrate_task, server_node, calibrator_node, 0, 4, 1, 10});
    trace.add(Event{6, 5, EventType::calibrate_job_done, calibrator_node, calibrator_node, 0, 4, 1, 0});
    trace.add(LaneSpan{1, "erase \"0\"\n", 0.5, 0.75});
    trace.add(LaneSpan{1, "train client/0", 0.75, 1});
    trace.add(LaneSpan{0, "calibrate", 0.1, 0.2});
    trace.finish();
  }
  const Trace t(tmp / "trace.json");
  CHECK(t.spans("simulated time/unlearner") == std::vector<Span>{{"download", 1, 2}, {"erase", 2, 5}});
  CHECK(t.spans("simulated time/calibrator") == std::vector<Span>{{"calibrate", 5, 6}});
  CHECK(t.spans("lanes (real time)/lane/1") ==
        std::vector<Span>{{"erase \"0\"\n", 0.5, 0.75}, {"train client/0", 0.75, 1}});
  CHECK(t.spans("lanes (real time)/lane/0") == std::vector<Span>{{"calibrate", 0.1, 0.2}});
}

TEST_CASE("a run that ends early leaves a whole file, with what was going on") {
  TemporaryFolder tmp;
  try {
    TraceBuilder trace(tmp / "trace.json", 2);
    trace.add(Event{1, 0, EventType::train_task, server_node, client(0), 0, 0, 0, 1});
    trace.add(Event{1, 0, EventType::train_task, server_node, client(1), 0, 0, 0, 1});
    trace.add(Event{2, 1, EventType::job_done, client(1), client(1), 0, 0, 0, 0});
    trace.add(Decision{4, Kind::merged, 1, 1, 0, 0, 1});
    throw std::runtime_error("interrupted");
  } catch (const std::runtime_error&) {
  }
  const Trace t(tmp / "trace.json");
  CHECK(t.spans("simulated time/client/0") == std::vector<Span>{{"download", 0, 1}, {"compute", 1, 4}});
  CHECK(t.spans("simulated time/client/1") ==
        std::vector<Span>{{"download", 0, 1}, {"compute", 1, 2}, {"upload", 2, 4}});
  for (const auto& r : t.phase("X"))
    if (r["ts"].get<double>() + r["dur"].get<double>() == 4e6) CHECK(r["args"]["unfinished"] == true);
}

TEST_CASE("activities that overlap are cut, not laid across each other") {
  TemporaryFolder tmp;
  {
    TraceBuilder trace(tmp / "trace.json", 1);
    add_round(trace, 0, 0.0, 3.0);                                                  // upload 4 to 5
    trace.add(Event{8, 4, EventType::job_done, client(0), client(0), 0, 0, 0, 0});  // begun with the upload
    trace.finish();
  }
  const Trace t(tmp / "trace.json");
  CHECK(t.spans("simulated time/client/0") ==
        std::vector<Span>{{"download", 0, 1}, {"compute", 1, 4}, {"upload", 4, 5}, {"compute", 5, 8}});
}

TEST_CASE("a large federation has tracks for its first clients, and says so") {
  TemporaryFolder tmp;
  {
    TraceBuilder trace(tmp / "trace.json", 100000);
    add_round(trace, 1999, 0.0, 1.0);
    add_round(trace, 2000, 3.0, 1.0);
    add_round(trace, 99999, 6.0, 1.0);
    trace.add(Decision{9, Kind::merged, 99999, 1, 0, 0, 1});
    CHECK_THROWS_AS(add_round(trace, 100000, 9.0, 1.0), std::out_of_range);
    trace.finish();
  }
  const Trace t(tmp / "trace.json");
  const std::string process = "simulated time (the first 2000 of 100000 clients)";
  CHECK(t.processes.at(1) == process);
  CHECK(t.tracks.size() == 2003);
  CHECK(t.tracks.count(process + "/client/1999") == 1);
  CHECK(t.tracks.count(process + "/client/2000") == 0);
  CHECK(t.spans(process + "/client/1999").front() == Span{"download", 0, 1});
  CHECK(t.phase("i").size() == 1);
  CHECK(t.phase("f").empty());
}

TEST_CASE("a trace that cannot be written is an error") {
  if (!std::filesystem::exists("/dev/full")) {
    MESSAGE("skipped: this system has no /dev/full");
    return;
  }
  TraceBuilder trace("/dev/full", 1);
  CHECK_THROWS_WITH_AS(trace.finish(), "cannot write '/dev/full': No space left on device",
                       std::runtime_error);
}

TEST_CASE("a trace says where its time ends") {
  TemporaryFolder tmp;
  for (const double time : {8e9, 1e12}) {
    TraceBuilder trace(tmp / "trace.json", 1);
    trace.add(Decision{time, Kind::merged, 0, 1, 0, 0, 1});
    trace.finish();
    const bool labelled = text_of(tmp / "trace.json").find("process_labels") != std::string::npos;
    CHECK(labelled == (time > 9e9));
  }
}
