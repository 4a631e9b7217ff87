/// Runs on the wall clock that are stopped and go on: what their last checkpoint holds took place, and the rest follows. When a
/// run is stopped depends on real time; what is checked does not.
#include <algorithm>
#include <set>

#include "sittings.hpp"

using namespace afu;
using namespace afu::test;
using Kind = lane::ClockStep::Kind;

namespace {

constexpr std::uint64_t updates = 160;

config::Scenario on_the_wall(std::vector<std::string> set) {
  set.insert(set.begin(), {"scenario.clock=wall", "scenario.time_scale=0.02", "erasure[0].at_update=40",
                           "calibration.steps=2", fmt::format("stop.updates={}", updates)});
  return scenario(set);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// How many events the checkpoint holds.
std::size_t events_in(const fs::path& checkpoint) {
  const auto steps = lane::read_checkpoint(checkpoint).steps;
  return static_cast<std::size_t>(std::count_if(steps.begin(), steps.end(), [](const auto& s) {
    return s.kind == Kind::message || s.kind == Kind::timer;
  }));
}

/// The log as far as so many events.
std::vector<std::string> with_events(const std::string& log, std::size_t count) {
  std::vector<std::string> found;
  for (const auto& line : lines_of(log)) {
    if (count == 0) break;
    found.push_back(line);
    count -= line.find("\"event\":") != line.npos;
  }
  CHECK(count == 0);
  return found;
}

/// Ended as any run does, with nothing lost or twice.
void check_end(const Sitting& s) {
  CHECK(s.failure == "");
  CHECK_FALSE(s.interrupted);
  CHECK(s.updates >= updates);
  double now = 0;  // of events; a decision's is that of what was decided on
  std::uint64_t version = 0;
  std::set<std::pair<std::string, std::uint64_t>> sent;  // updates, by client and job
  for (const auto& line : lines_of(s.events)) {
    const auto e = nlohmann::json::parse(line);
    if (e.contains("event")) {
      CHECK(e["t"].get<double>() >= now);
      now = e["t"].get<double>();
      if (e["event"] == "update")
        CHECK(sent.emplace(e["from"].get<std::string>(), e["job"].get<std::uint64_t>()).second);
      continue;
    }
    const auto v = e["version"].get<std::uint64_t>();
    CHECK(v >= version);
    CHECK(v <= version + 1);
    version = v;
  }
  CHECK(sent.size() >= updates);
  REQUIRE(s.erasures.size() == 1);
  const auto& request = s.erasures[0];
  CHECK(request.requested_at.has_value());
  CHECK((request.outcome == record::RequestOutcome::merged) == request.merged_at.has_value());
}

/// What took place before the stop did so again.
void check_begin(const std::string& log, const std::string& before, std::size_t events) {
  const auto held = with_events(before, events);
  const auto all = lines_of(log);
  REQUIRE(all.size() >= held.size());
  CHECK(std::equal(held.begin(), held.end(), all.begin()));
}

/// Kills the run at many moments, lets each go on, and kills some of these again.
void check(const std::string& name, const std::vector<std::string>& set) {
  CAPTURE(name);
  const auto s = on_the_wall(set);
  const Place undisturbed(name + "-whole"), copies(name + "-copies");
  int count = 0;
  const auto whole = sit_and_copy(undisturbed, s, copies, count, 25);
  check_end(whole);
  CHECK(whole.resumed == 0);
  std::size_t most = 0;
  for (int i = 0; i < count; ++i) {
    CAPTURE(i);
    auto other = s;
    other.compute.lanes = 1 + i % 3;
    const Place again(name + "-again"), later(name + "-later"), third(name + "-third");
    fs::copy(copies.at(std::to_string(i)), again.root, fs::copy_options::recursive);
    if (!fs::exists(again.checkpoint())) continue;
    const auto events = events_in(again.checkpoint());
    most = std::max(most, events);
    int more = 0;
    const auto second = sit_and_copy(again, other, later, more, 60);
    check_begin(second.events, whole.events, events);
    check_end(second);
    CHECK(second.resumed == 1);
    CHECK(second.away == 2);
    if (more == 0) continue;
    fs::copy(later.at(std::to_string(more - 1)), third.root, fs::copy_options::recursive);
    const auto events_then = events_in(third.checkpoint());
    CHECK(events_then >= events);
    const auto last = sit(third, s);
    check_begin(last.events, second.events, events_then);
    check_end(last);
    CHECK(last.resumed == 2);
  }
  CHECK(most > 0);  // else nothing was tried
  const auto steps = lane::read_checkpoint(undisturbed.checkpoint()).steps;
  const auto given_up =
      std::count_if(steps.begin(), steps.end(), [](const auto& s) { return s.kind == Kind::given_up; });
  MESSAGE(name << ": " << given_up << " results given up, " << count << " kills");
}

}  // namespace

TEST_CASE(
    "a run on the wall clock that was killed goes on from its checkpoint, and nothing is lost or twice") {
  check("wall", {});
}

TEST_CASE(
    "a run on the wall clock goes on with methods that restart or keep a history, by rounds, with lost jobs, late results" *
    doctest::test_suite("slow")) {
  check("wall-retrain", {"unlearning.method=\"retrain\""});
  check("wall-federaser", {"unlearning.method=\"federaser\""});
  check("wall-fedavg", {"training.rule=\"fedavg\""});
  check("wall-dropouts", {"heterogeneity.availability.dropout_probability=0.2"});
  // A job takes longer than modelled, so that clients wait for results when they get other work.
  check("wall-late", {"unlearning.method=\"retrain\"", "scenario.time_scale=0.00002", "model.name=\"mlp\""});
}

TEST_CASE("a run on the wall clock that a signal ended goes on from where the signal met it") {
  const auto s = on_the_wall({});
  const Place place("wall-interrupted");
  interrupt(place, s, 30);
  const auto before = text_of(place.at("events.jsonl"));
  const auto events = events_in(place.checkpoint());
  CHECK(events > 90);
  interrupt(place, s, 90);  // behind its erasure
  check_begin(text_of(place.at("events.jsonl")), before, events);
  const auto last = sit(place, s);
  check_begin(last.events, before, events);
  check_end(last);
  CHECK(last.resumed == 2);
}

TEST_CASE("a run on the wall clock that has ended, and was killed while it was measured, ends again") {
  const auto s = on_the_wall({});
  const Place place("wall-ended"), copy("wall-ended-copy");
  const auto whole = sit(place, s);
  check_end(whole);
  place.copy_to(copy.root);
  const auto events = events_in(copy.checkpoint());
  const auto again = sit(copy, s);
  check_begin(again.events, whole.events, events);
  check_end(again);
}

TEST_CASE("a run on the wall clock that was stopped goes on to be longer than it was to be") {
  const Place place("wall-longer");
  interrupt(place, on_the_wall({"stop.updates=90"}), 30);
  check_end(sit(place, on_the_wall({})));
}
