/// Runs that are stopped at any moment and go on, on the virtual clock: to the same bytes.
#include <algorithm>

#include "base/fault.hpp"
#include "sittings.hpp"

using namespace afu;
using namespace afu::test;

namespace {

/// Kills the run at many moments, lets each go on with other lanes, and kills that again.
void check(const std::string& name, std::vector<std::string> set) {
  CAPTURE(name);
  set.insert(set.end(), {"stop.updates=240", "erasure[0].at_update=90", "model.name=\"mlp\""});
  const auto two = [&] {
    auto s = scenario(set);
    s.compute.lanes = 2;
    return s;
  }();
  const Place undisturbed(name + "-whole"), copies(name + "-copies");
  int count = 0;
  const auto whole = sit_and_copy(undisturbed, two, copies, count, 20);
  REQUIRE(whole.failure == "");
  CHECK(whole.resumed == 0);
  std::size_t most = 0;
  for (int i = 0; i < count; ++i) {
    CAPTURE(i);
    auto others = two;
    others.compute.lanes = 1 + i % 3;
    const Place again(name + "-again"), later(name + "-later"), third(name + "-third");
    fs::copy(copies.at(std::to_string(i)), again.root, fs::copy_options::recursive);
    const bool begun = fs::exists(again.checkpoint());
    if (begun) most = std::max(most, lane::read_checkpoint(again.checkpoint()).results.size());
    int more = 0;
    const auto s = sit_and_copy(again, others, later, more, 50);
    check_same(s, whole);
    CHECK(s.resumed == (begun ? 1 : 0));
    if (more == 0) continue;
    fs::copy(later.at(std::to_string(i % more)), third.root, fs::copy_options::recursive);
    const auto t = sit(third, two);
    check_same(t, whole);
    if (!begun) continue;
    CHECK(t.resumed == 2);
    CHECK(t.away == 4);
  }
  CHECK(most > 0);  // else nothing was tried
}

}  // namespace

TEST_CASE("a run that was killed goes on to the same bytes, with any number of lanes") {
  check("afu_ic", {});
}

TEST_CASE(
    "a run that was killed goes on with methods that restart or keep a history, with held updates, with lost jobs, under a schedule" *
    doctest::test_suite("slow")) {
  for (const char* method : {"retrain", "federaser", "fedrecovery", "none"})
    check(method, {std::string("unlearning.method=\"") + method + "\""});
  check("fedbuff", {"training.rule=\"fedbuff\"", "training.buffer_size=3"});
  check("dropouts", {"heterogeneity.availability.dropout_probability=0.2"});
  check("schedule", {"unlearning.method=\"retrain\"", "training.optimiser=\"adam\"", "training.lr=0.002",
                     "training.schedule=\"step\"", "training.schedule_by=\"updates\"",
                     "training.schedule_milestones=[40, 100]"});
}

TEST_CASE("a run in which clients' actors died, and that was killed later, goes on to the same bytes") {
  const auto s = scenario({"stop.updates=120", "erasure[0].at_update=40"});
  int tried = 0;
  for (const char* fault : {"actor=client:1", "actor=client:60", "actor=client:151"}) {
    INFO(std::string(fault));
    const Place undisturbed("dying"), copies("dying-copies");
    int count = 0;
    const auto whole = [&] {
      const base::fault::Armed armed(fault);
      return sit_and_copy(undisturbed, s, copies, count, 15);
    }();
    const auto told = [](const std::string& w) {
      return w.find(" died and was replaced") != std::string::npos;
    };
    REQUIRE(std::count_if(whole.warnings.begin(), whole.warnings.end(), told) == 1);
    for (int i = 0; i < count; ++i) {
      CAPTURE(i);
      const Place again("dying-again"), later("dying-later"), third("dying-third");
      fs::copy(copies.at(std::to_string(i)), again.root, fs::copy_options::recursive);
      // Before that the client had not died: without the fault it does not.
      if (!fs::exists(again.checkpoint()) || lane::read_checkpoint(again.checkpoint()).steps.empty())
        continue;
      ++tried;
      auto others = s;
      others.compute.lanes = 1 + i % 3;
      int more = 0;
      const auto gone_on = sit_and_copy(again, others, later, more, 50);
      check_same(gone_on, whole);
      CHECK(gone_on.warnings == whole.warnings);
      if (more == 0) continue;
      fs::copy(later.at(std::to_string(i % more)), third.root, fs::copy_options::recursive);
      const auto once_more = sit(third, s);
      check_same(once_more, whole);
      CHECK(once_more.warnings == whole.warnings);
    }
  }
  CHECK(tried > 3);
}

TEST_CASE("a run that a signal ended goes on as if it had not been ended") {
  const auto s = scenario({"stop.updates=120"});
  const Place undisturbed("whole"), place("interrupted");
  const auto whole = sit(undisturbed, s);
  interrupt(place, s, 10);
  interrupt(place, s, 60);  // while its erasure is going on
  CHECK(lane::read_checkpoint(place.checkpoint()).results.size() > 60);
  const auto last = sit(place, s);
  check_same(last, whole);
  CHECK(last.resumed == 2);
}

TEST_CASE("a run that is interrupted before it is where it was loses nothing") {
  const auto s = scenario({"stop.updates=240"});
  const Place undisturbed("whole"), place("on-its-way");
  const auto whole = sit(undisturbed, s);
  interrupt(place, s, 200);
  int on_its_way = 0;
  for (int i = 0; i < 10; ++i) {
    const std::atomic<bool> now{true};
    actors::RunOptions options;
    options.interrupt = &now;
    if (i % 2 == 1) options.hurry = &now;
    const auto sitting = sit(place, s, options);
    CHECK(sitting.failure == "");
    CHECK(sitting.interrupted);
    on_its_way += sitting.on_its_way;
  }
  CHECK(on_its_way > 0);  // else nothing was tried
  check_same(sit(place, s), whole);
}

TEST_CASE("a run that was stopped goes on to be longer than it was to be") {
  const auto whole = [] {
    const Place place("long");
    return sit(place, scenario({"stop.updates=150"}));
  }();
  const Place place("longer");
  interrupt(place, scenario({"stop.updates=100"}), 30);
  check_same(sit(place, scenario({"stop.updates=150"})), whole);
}

TEST_CASE("a log that the run does not give again ends it, and stays as it was") {
  const auto s = scenario({"stop.updates=120"});
  const Place place("doctored");
  interrupt(place, s, 30);
  auto text = text_of(place.at("events.jsonl"));
  const auto digit = text.find("\"t\":0.", text.size() / 4);
  REQUIRE(digit != text.npos);
  text[digit + 6] = text[digit + 6] == '1' ? '2' : '1';
  std::ofstream(place.at("events.jsonl"), std::ios::binary) << text;
  const auto last = sit(place, s);
  INFO(last.failure);
  CHECK(last.failure.find("holds another line ") != std::string::npos);
  CHECK(last.failure.find("events.jsonl") != std::string::npos);
  CHECK((last.events == text));
}

TEST_CASE("a checkpoint of another run is an error that names the job") {
  const Place place("foreign");
  interrupt(place, scenario({"stop.updates=120"}), 30);
  fs::remove(place.at("events.jsonl"));
  const auto last = sit(place, scenario({"stop.updates=120", "training.lr=0.03"}));
  INFO(last.failure);
  CHECK(last.failure.find("does not fit the run: its job ") != std::string::npos);
}
