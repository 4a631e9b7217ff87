#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "record/attack_log.hpp"
#include "record/calibration_log.hpp"
#include "record/clients_log.hpp"
#include "record/event_log.hpp"
#include "record/metrics_log.hpp"
#include "record/requests_log.hpp"
#include "tests/record/temporary_folder.hpp"

using namespace afu::base;
using namespace afu::record;
using afu::test::TemporaryFolder;
using afu::test::text_of;

namespace {

constexpr NodeId client(unsigned k) { return first_client_node + k; }

}  // namespace

TEST_CASE("nodes, events and decisions have names") {
  CHECK(node_name(server_node) == "server");
  CHECK(node_name(unlearner_node) == "unlearner");
  CHECK(node_name(calibrator_node) == "calibrator");
  CHECK(node_name(client(0)) == "client/0");
  CHECK(node_name(client(99999)) == "client/99999");
  CHECK(std::string(to_string(EventType::train_task)) == "train_task");
  CHECK(std::string(to_string(EventType::calibrate_result)) == "calibrate_result");
  CHECK(std::string(to_string(Decision::Kind::merged)) == "merged");
  CHECK(std::string(to_string(Decision::Kind::not_finite)) == "not_finite");
  CHECK(std::string(to_string(Decision::Kind::diverged)) == "diverged");
}

TEST_CASE("an event or a decision is one exact line") {
  TemporaryFolder tmp;
  EventLog log(tmp / "events.jsonl");
  log.append(Event{1.25, 1, EventType::update, client(3), server_node, 4, 7, 2, 4096});
  log.append(Decision{1.25, Decision::Kind::merged, 3, 8, 2, 1, 0.1 + 0.2});
  log.append(Event{0.1 + 0.7, 1e-7, EventType::erase_task, server_node, unlearner_node, 0, 0, 0, 0});
  log.append(Decision{1e16, Decision::Kind::late_dropped, 0, 0, 0, 0, std::nan("")});
  log.close();
  CHECK(
      text_of(tmp / "events.jsonl") ==
      R"({"t":1.25,"event":"update","from":"client/3","to":"server","sent":1,"job":4,"version":7,"epoch":2,"bytes":4096}
{"t":1.25,"decision":"merged","client":3,"version":8,"epoch":2,"staleness":1,"weight":0.30000000000000004}
{"t":0.7999999999999999,"event":"erase_task","from":"server","to":"unlearner","sent":1e-07,"job":0,"version":0,"epoch":0,"bytes":0}
{"t":1e+16,"decision":"late_dropped","client":0,"version":0,"epoch":0,"staleness":0,"weight":null}
)");
}

TEST_CASE("a long log is complete, JSON on every line, and times read back as the same double") {
  TemporaryFolder tmp;
  constexpr int n = 5000;
  {
    EventLog log(tmp / "events.jsonl");
    for (int i = 0; i < n; ++i)
      log.append(Event{std::sqrt(i), i / 3.0, EventType::job_done, client(1), client(1), 0, 0, 0, 0});
  }
  std::istringstream lines(text_of(tmp / "events.jsonl"));
  int i = 0;
  for (std::string line; std::getline(lines, line); ++i) {
    const auto json = nlohmann::json::parse(line);
    REQUIRE(json["t"].get<double>() == std::sqrt(i));
    REQUIRE(json["sent"].get<double>() == i / 3.0);
  }
  CHECK(i == n);
}

TEST_CASE("what the system has of a log always ends with a whole line") {
  TemporaryFolder tmp;
  EventLog log(tmp / "events.jsonl");
  for (int i = 0; i < 2000; ++i) log.append(Event{1.0 * i, 0, EventType::job_done, 0, 0, 0, 0, 0, 0});
  const auto text = text_of(tmp / "events.jsonl");
  REQUIRE_FALSE(text.empty());
  CHECK(text.back() == '\n');
}

TEST_CASE("a log that cannot be written is an error that names the file") {
  TemporaryFolder tmp;
  CHECK_THROWS_WITH_AS(
      EventLog(tmp / "no/events.jsonl"),
      ("cannot write '" + (tmp / "no/events.jsonl").string() + "': No such file or directory").c_str(),
      std::runtime_error);
  if (!std::filesystem::exists("/dev/full")) {
    MESSAGE("skipped: this system has no /dev/full");
    return;
  }
  EventLog log("/dev/full");
  log.append(Event{});
  const char* full = "cannot write '/dev/full': No space left on device";
  CHECK_THROWS_WITH_AS(log.flush(), full, std::runtime_error);
  CHECK_THROWS_WITH_AS(log.close(), full, std::runtime_error);
  CHECK_THROWS_WITH_AS(MetricsLog("/dev/full"), full, std::runtime_error);
  // Appending alone meets the error too, as soon as a block is full.
  EventLog other("/dev/full");
  CHECK_THROWS_AS(
      [&] {
        for (int i = 0; i < 2000; ++i) other.append(Event{});
      }(),
      std::runtime_error);
}

TEST_CASE("metrics.csv: an absent figure is an empty cell, and every row is written at once") {
  TemporaryFolder tmp;
  MetricsLog log(tmp / "metrics.csv");
  MetricsRow row;
  row.version = 12, row.epoch = 1, row.updates = 10, row.time = 3.5, row.phase = "training";
  row.test_accuracy = 0.9375, row.mia_auc = 0.5, row.test_loss = std::numeric_limits<double>::infinity();
  row.test_auc = std::nan(""), row.calibration_error = 0.0625;
  log.append(row);
  const std::string header =
      "version,time,epoch,updates,phase,test_accuracy,balanced_accuracy,forget_accuracy,retain_accuracy,"
      "attack_success_rate,mia_auc,test_loss,test_auc,calibration_error,brier_score\n";
  const std::string first = "12,3.5,1,10,training,0.9375,,,,,0.5,,,0.0625,\n";
  CHECK(text_of(tmp / "metrics.csv") == header + first);

  MetricsRow full{13, 1, 11, 4.0, 0.5, 0.25, 0.125, 1.0, 0.0, 0.75, 2.5, "forgotten", {}, 0.625, 0.375, 1.25};
  log.append(full);
  CHECK(text_of(tmp / "metrics.csv") ==
        header + first + "13,4,1,11,forgotten,0.5,0.25,0.125,1,0,0.75,2.5,0.625,0.375,1.25\n");
}

TEST_CASE("requests.csv: one row an evaluation and request, absent and non-finite figures are empty cells") {
  TemporaryFolder tmp;
  RequestsLog log(tmp / "requests.csv");
  MetricsRow row;
  row.version = 12, row.epoch = 1, row.updates = 10, row.time = 3.5, row.phase = "erasing";
  row.requests = {{0.25, 0.5, 0.75, 1.0}, {std::numeric_limits<double>::quiet_NaN(), std::nullopt, 0.5}};
  log.append(row);
  CHECK(
      text_of(tmp / "requests.csv") ==
      "version,time,epoch,updates,phase,request,forget_accuracy,attack_success_rate,mia_auc,poisoned_success\n"
      "12,3.5,1,10,erasing,0,0.25,0.5,0.75,1\n12,3.5,1,10,erasing,1,,,0.5,\n");
}

TEST_CASE("clients.csv: one row an evaluation and client or site, names in quotes where they need them") {
  TemporaryFolder tmp;
  ClientsLog log(tmp / "clients.csv", {{"holdout", 3, "", 12}, {"test", -1, "Leiden, \"LUMC\"", 40}});
  MetricsRow row;
  row.version = 12, row.epoch = 1, row.updates = 10, row.time = 3.5, row.phase = "training";
  log.append(row);  // of a model that is not finite: no figures at all
  row.groups = {{0.25, 0.5, std::nullopt, 1.5}, {1.0, std::numeric_limits<double>::quiet_NaN(), 0.75, 0.125}};
  log.append(row);
  CHECK(text_of(tmp / "clients.csv") ==
        "version,time,epoch,updates,phase,set,client,site,samples,accuracy,balanced_accuracy,auc,loss\n"
        "12,3.5,1,10,training,holdout,3,,12,0.25,0.5,,1.5\n"
        "12,3.5,1,10,training,test,,\"Leiden, \"\"LUMC\"\"\",40,1,,0.75,0.125\n");
  row.groups.resize(3);
  CHECK_THROWS_AS(log.append(row), std::out_of_range);
}

TEST_CASE("a decision about a class, or about nobody, names no client") {
  TemporaryFolder tmp;
  {
    EventLog log(tmp / "events.jsonl");
    Decision d;
    d.kind = Decision::Kind::forgotten;
    d.client = no_client;
    log.append(d);
    log.close();
  }
  CHECK(nlohmann::json::parse(text_of(tmp / "events.jsonl"))["client"].is_null());
}

TEST_CASE("attacks.csv has one row a figure") {
  TemporaryFolder tmp;
  AttackLog log(tmp / "attacks.csv");
  log.append({"merged", 7, 20, 1.5, "loss", "tpr_at_0.1pct", 0.25});
  log.append({"merged", 7, 20, 1.5, "loss", "auc", std::nan("")});
  CHECK(text_of(tmp / "attacks.csv") ==
        "point,version,updates,time,attack,figure,value\nmerged,7,20,1.5,loss,tpr_at_0.1pct,0.25\n"
        "merged,7,20,1.5,loss,auc,\n");
}

TEST_CASE("calibrations.csv: one row a calibration, figures that do not apply are empty cells") {
  TemporaryFolder tmp;
  CalibrationLog log(tmp / "calibrations.csv");
  CalibrationRecord r;
  r.number = 1, r.client = 3, r.epoch = 1, r.base_version = 10, r.merged_version = 13, r.staleness = 2;
  r.updates_since = 4, r.began = 1.5, r.ended = 1.75, r.steps = 20, r.passes = 2800, r.samples = 3080;
  r.penalty_after = std::numeric_limits<double>::infinity();
  r.weight = 0.5, r.loss_before = 0.75, r.loss_after = 0.25, r.norm = 0.125, r.cosine = -0.0625;
  log.append(r);
  CHECK(text_of(tmp / "calibrations.csv") ==
        std::string(calibrations_header) +
            "\n1,3,1,10,13,2,4,1.5,1.75,20,2800,3080,0.5,0.75,0.25,,,,,,,,,0.125,-0.0625,\n");
}
