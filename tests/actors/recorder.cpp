/// The recorder alone, on the test's own thread: the test is who records, and reads the files.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "record/attack_log.hpp"
#include "record/calibration_log.hpp"
#include "record/metrics_log.hpp"
#include "tests/actors/alone.hpp"
#include "tests/base/temporary_file.hpp"

using namespace afu;
using namespace afu::test;
namespace fs = std::filesystem;

namespace {

struct Fixture : Alone {
  TemporaryFile place{""};
  std::shared_ptr<Context> context = context_of("[stop]\nupdates = 9\n");
  std::shared_ptr<Told> told;
  recorder_actor recorder;

  std::string at(const std::string& name) const { return (place.folder / name).string(); }
  void start() {
    auto [federation, t] = fake_federation(*this);
    told = t;
    recorder = keep(spawn_recorder(sys, context, federation, Thread::of_the_system));
    settle();
  }
  void log(std::vector<LogEntry> entries) {
    tell(recorder, LogBatch{std::make_shared<const std::vector<LogEntry>>(std::move(entries))});
  }
  std::string text(const std::string& name) const {
    std::ifstream in(place.folder / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  bool exists(const std::string& name) const { return fs::exists(place.folder / name); }
};

record::Event event(double time) {
  return {time, 0, record::EventType::train_task, record::server_node, record::first_client_node, 1, 0,
          0,    64};
}
record::Decision decision(double time) { return {time, record::Decision::Kind::merged, 2, 1, 0, 0, 1}; }

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("events and decisions are lines of one file, in the order in which they came") {
  Fixture f;
  f.context->events_file = f.at("events.jsonl");
  f.start();
  f.log({event(1), decision(1.5)});
  f.log({decision(2), event(3)});
  f.tell(f.recorder, atom::close_v);
  const auto text = f.text("events.jsonl");
  CHECK(lines(text) == 4);
  std::size_t last = 0;
  for (const char* line :
       {"{\"t\":1,\"event\"", "{\"t\":1.5,\"decision\"", "{\"t\":2,\"decision\"", "{\"t\":3,\"event\""}) {
    const auto at = text.find(line, last);
    REQUIRE(at != std::string::npos);
    last = at + 1;
  }
}

TEST_CASE("who looks at the log while the run lasts finds it a second old at most") {
  Fixture f;
  f.context->events_file = f.at("events.jsonl");
  f.start();
  f.log({event(1)});
  f.advance(0.9);
  CHECK(f.text("events.jsonl").empty());
  f.advance(0.2);
  CHECK(lines(f.text("events.jsonl")) == 1);
  f.log({event(2)});
  f.advance(1.1);
  CHECK(lines(f.text("events.jsonl")) == 2);
}

TEST_CASE("closed is told once all files are whole, and a trace is one JSON value") {
  Fixture f;
  f.context->events_file = f.at("events.jsonl");
  f.context->trace_file = f.at("trace.json");
  f.start();
  f.log({event(1)});
  f.tell(f.recorder, record::LaneSpan{0, "train client/0", 0, 1});
  CHECK(f.told->closed == 0);
  f.tell(f.recorder, atom::close_v);
  CHECK(f.told->closed == 1);
  CHECK(f.told->failures.empty());
  CHECK(lines(f.text("events.jsonl")) == 1);
  const auto trace = f.text("trace.json");
  REQUIRE_FALSE(trace.empty());
  CHECK(trace.find("train client/0") != std::string::npos);
  CHECK(trace.find_last_of("]}") == trace.find_last_not_of("\n"));
}

TEST_CASE(
    "measurements, calibrations and figures of attacks have a file each, made where there is something") {
  Fixture f;
  f.context->metrics_file = f.at("metrics.csv");
  f.context->requests_file = f.at("requests.csv");
  f.context->clients_file = f.at("clients.csv");
  auto sets = std::make_shared<metrics::EvaluationSets>();
  sets->groups = {{"holdout", 0, "Leiden", std::make_shared<const data::Indices>(data::Indices{4, 5})}};
  f.context->evaluation = sets;
  f.context->calibrations_file = f.at("calibrations.csv");
  f.context->attacks_file = f.at("attacks.csv");
  auto plan = std::make_shared<attack::Plan>();
  plan->names = {"loss"};
  f.context->attacks = plan;
  f.start();
  CHECK(f.exists("attacks.csv"));
  CHECK_FALSE(f.exists("calibrations.csv"));
  record::MetricsRow row;
  row.version = 5;
  row.requests.resize(2);
  row.groups.resize(1);
  f.tell(f.recorder, row);
  f.tell(f.recorder, record::AttackRow{"before", 5, 5, 1, "loss", "auc", 0.5});
  f.tell(f.recorder, record::CalibrationRecord{});
  f.tell(f.recorder, record::CalibrationRecord{});
  f.tell(f.recorder, atom::close_v);
  CHECK(f.text("metrics.csv").rfind(record::metrics_header, 0) == 0);
  CHECK(lines(f.text("metrics.csv")) == 2);
  CHECK(lines(f.text("requests.csv")) == 3);
  CHECK(f.text("clients.csv").find(",holdout,0,Leiden,2,,,,\n") != std::string::npos);
  CHECK(f.text("attacks.csv").rfind(record::attacks_header, 0) == 0);
  CHECK(lines(f.text("attacks.csv")) == 2);
  CHECK(f.text("calibrations.csv").rfind(record::calibrations_header, 0) == 0);
  CHECK(lines(f.text("calibrations.csv")) == 3);
}

TEST_CASE("a run that attacks nothing and records nothing leaves no file") {
  Fixture f;
  f.context->attacks_file = f.at("attacks.csv");
  f.context->calibrations_file = f.at("calibrations.csv");
  f.start();
  f.log({event(1)});
  f.tell(f.recorder, record::MetricsRow{});
  f.tell(f.recorder, atom::close_v);
  CHECK_FALSE(f.exists("attacks.csv"));
  CHECK_FALSE(f.exists("calibrations.csv"));
  CHECK(f.told->closed == 1);
}

TEST_CASE("a folder that cannot be written is told to the federation at once, by the file's name, and once") {
  Fixture f;
  f.context->events_file = f.at("absent/events.jsonl");
  f.start();
  REQUIRE(f.told->failures.size() == 1);
  CHECK(f.told->failures[0].rfind("recorder: ", 0) == 0);
  CHECK(f.told->failures[0].find(f.at("absent/events.jsonl")) != std::string::npos);
  f.log({event(1)});
  f.tell(f.recorder, record::MetricsRow{});
  f.tell(f.recorder, atom::close_v);  // so that the run can end
  CHECK(f.told->failures.size() == 1);
  CHECK(f.told->closed == 1);
}

TEST_CASE("of a run that ends for one file's sake the others are whole") {
  REQUIRE(fs::exists("/dev/full"));
  Fixture f;
  f.context->events_file = f.at("events.jsonl");
  f.context->metrics_file = f.at("metrics.csv");
  f.context->calibrations_file = "/dev/full";  // made with its first row
  f.context->trace_file = "/dev/full";         // which fails when it is completed
  f.start();
  f.log({event(1)});
  f.tell(f.recorder, record::MetricsRow{});
  CHECK(f.told->failures.empty());
  f.tell(f.recorder, record::CalibrationRecord{});
  CHECK(f.told->failures.size() == 1);
  CHECK(f.told->failures.at(0).find("/dev/full") != std::string::npos);
  f.log({event(2)});  // not any more
  f.tell(f.recorder, atom::close_v);
  CHECK(lines(f.text("events.jsonl")) == 1);
  CHECK(lines(f.text("metrics.csv")) == 2);
  CHECK(f.told->failures.size() == 1);
  CHECK(f.told->closed == 1);
}
