/// Runs that are stopped at any moment and go on. A kill is a copy of what the disk held at that moment.
#include <atomic>
#include <functional>
#include <iterator>

#include "lane/checkpoint.hpp"
#include "support.hpp"

using namespace afu;
namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A run's files.
struct Place {
  fs::path root;
  explicit Place(const std::string& name)
      : root(fs::temp_directory_path() / ("afu-resume-" + std::to_string(::getpid()) + "-" + name)) {
    fs::remove_all(root);
    fs::create_directories(root);
  }
  ~Place() {
    std::error_code ignored;
    fs::remove_all(root, ignored);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  fs::path at(const std::string& name) const { return root / name; }
  fs::path checkpoint() const { return at("checkpoint.afu"); }
  /// What a kill leaves there now.
  void copy_to(const fs::path& to) const {
    fs::create_directories(to);
    for (const char* name : {"events.jsonl", "checkpoint.afu"}) {
      std::error_code absent;
      fs::copy_file(at(name), to / name, fs::copy_options::overwrite_existing, absent);
    }
  }
};

struct Sitting {
  std::string events, metrics, requests, attacks, calibrations, model, failure;
  bool interrupted = false, on_its_way = false;
  std::uint64_t updates = 0, samples = 0, resumed = 0;
  double away = 0;
};

/// As an undisturbed run would have it.
void check_same(const Sitting& a, const Sitting& whole) {
  CHECK(a.failure == "");
  CHECK_FALSE(a.interrupted);
  CHECK(a.model == whole.model);
  CHECK((a.events == whole.events));  // not to be printed
  CHECK(a.metrics == whole.metrics);
  CHECK(a.requests == whole.requests);
  CHECK(a.attacks == whole.attacks);
  CHECK(a.calibrations == whole.calibrations);
  CHECK(a.updates == whole.updates);
  CHECK(a.samples == whole.samples);
}

constexpr lane::CheckpointPace often{1e-3, 1};

/// One process's part of the run in `place`: from its checkpoint, where there is one.
Sitting sit(const Place& place, const config::Scenario& scenario, actors::RunOptions options = {}) {
  if (fs::exists(place.checkpoint())) {
    options.checkpoint = std::make_shared<lane::Checkpoint>(place.checkpoint(), often,
                                                            lane::read_checkpoint(place.checkpoint()));
    options.checkpoint->begin({}, 2);
  } else {
    options.checkpoint = std::make_shared<lane::Checkpoint>(place.checkpoint(), often);
    options.checkpoint->begin({"a revision", "a time", {}}, 0);
  }
  options.files.events = place.at("events.jsonl").string();
  options.files.metrics = place.at("metrics.csv").string();
  options.files.requests = place.at("requests.csv").string();
  options.files.attacks = place.at("attacks.csv").string();
  options.files.calibrations = place.at("calibrations.csv").string();
  const auto result = actors::run_scenario(scenario, options);
  CHECK(options.checkpoint->failure() == "");
  Sitting s;
  s.events = text_of(place.at("events.jsonl"));
  s.metrics = text_of(place.at("metrics.csv"));
  s.requests = text_of(place.at("requests.csv"));
  s.attacks = text_of(place.at("attacks.csv"));
  s.calibrations = text_of(place.at("calibrations.csv"));
  s.on_its_way = result.on_its_way;
  s.model = result.summary.model_sha256;
  s.failure = result.report.failure;
  s.interrupted = result.report.interrupted;
  s.updates = result.summary.updates;
  s.samples = result.summary.samples_trained;
  s.resumed = result.summary.resumed;
  s.away = result.summary.away_seconds;
  return s;
}

config::Scenario scenario(const std::vector<std::string>& set) {
  device::prepare_process();
  return config::parse_scenario(test::small, "test.toml", set, methods::method_sections());
}

/// A run, and what kills would have left of it, one about every `apart` updates.
Sitting sit_and_copy(const Place& place, const config::Scenario& scenario, const Place& copies, int& count,
                     std::uint64_t apart) {
  actors::RunOptions options;
  std::uint64_t next = 0;
  options.progress = [&](const actors::Progress& p) {
    if (p.updates < next) return;
    next = p.updates + apart;
    place.copy_to(copies.at(std::to_string(count++)));
  };
  return sit(place, scenario, options);
}

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

/// A checkpoint of the run when `updates` were accepted.
void interrupt(const Place& place, const config::Scenario& scenario, std::uint64_t updates) {
  std::atomic<bool> now{false};
  actors::RunOptions options;
  options.interrupt = &now;
  options.progress = [&](const actors::Progress& p) { now = now || p.updates >= updates; };
  REQUIRE(sit(place, scenario, options).interrupted);
}

}  // namespace

TEST_CASE("a run that was killed goes on to the same bytes, with any number of lanes") {
  check("afu_ic", {});
}

TEST_CASE(
    "a run that was killed goes on with methods that restart or keep a history, with held updates, with lost jobs" *
    doctest::test_suite("slow")) {
  for (const char* method : {"retrain", "federaser", "fedrecovery", "none"})
    check(method, {std::string("unlearning.method=\"") + method + "\""});
  check("fedbuff", {"training.rule=\"fedbuff\"", "training.buffer_size=3"});
  check("dropouts", {"heterogeneity.availability.dropout_probability=0.2"});
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
