#include "record/summary.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/record/temporary_folder.hpp"

using namespace afu::base;
using namespace afu::record;
using afu::test::TemporaryFolder;
using afu::test::text_of;
using Json = nlohmann::ordered_json;

namespace {

std::vector<std::string> keys(const Json& object) {
  std::vector<std::string> out;
  for (const auto& item : object.items()) out.push_back(item.key());
  return out;
}

const std::vector<std::string> figure_keys{
    "test_accuracy", "balanced_accuracy", "test_auc",        "test_loss",           "calibration_error",
    "brier_score",   "forget_accuracy",   "retain_accuracy", "attack_success_rate", "mia_auc"};

}  // namespace

TEST_CASE("a summary tells how often its run was stopped and went on") {
  Summary s;
  CHECK(to_json(s)["context"]["resumed"].is_null());
  s.resumed = 2;
  s.away_seconds = 61.5;
  CHECK(to_json(s)["context"]["resumed"].dump() == R"({"times":2,"away_seconds":61.5})");
}

TEST_CASE("a summary tells what became of each node, where there were any") {
  Summary s;
  CHECK_FALSE(to_json(s)["context"].contains("nodes"));
  s.nodes = {{"gpu1:4711", "gpu1", 8, 90, 2, 5, "nothing was heard of it"}, {"gpu2:4711", "gpu2", 4, 30}};
  CHECK(to_json(s)["context"]["nodes"].dump() ==
        R"([{"node":"gpu1:4711","host":"gpu1","lanes":8,"jobs":90,"losses":2,"jobs_lost":5,)"
        R"("last_loss":"nothing was heard of it"},{"node":"gpu2:4711","host":"gpu2","lanes":4,"jobs":30,)"
        R"("losses":0,"jobs_lost":0,"last_loss":null}])");
}

TEST_CASE("summary.json has exactly the contract's keys, in order") {
  Summary s;
  s.erasures.emplace_back();
  const auto json = to_json(s);
  CHECK(keys(json) == std::vector<std::string>{"schema", "context", "method", "clock", "final",
                                               "before_erasure", "erasures", "counters", "virtual_seconds",
                                               "wall_seconds", "overrun_share", "peak_rss_bytes",
                                               "model_sha256"});
  CHECK(keys(json["context"]) ==
        std::vector<std::string>{"versions",     "host",          "system",        "cpu",      "cores",
                                 "memory_bytes", "devices",       "same_bytes",    "revision", "seed",
                                 "scenario",     "test_set",      "retain_set",    "started",  "ended",
                                 "resumed",      "divergence",    "warnings",      "unused",   "shortened",
                                 "events",       "history_bytes", "erasure_costs", "attacks"});
  CHECK(keys(json["context"]["unused"]) ==
        std::vector<std::string>{"rejected_updates", "late_updates_dropped", "lost_jobs", "buffered_at_end",
                                 "busy_at_end", "clients_never_heard", "clients_gone", "not_finite_updates",
                                 "not_finite_work"});
  CHECK(keys(json["context"]["erasure_costs"][0]) ==
        std::vector<std::string>{"client_passes", "server_passes", "stored_bytes", "calibrations", "guard",
                                 "gate", "difference", "features"});
  CHECK(keys(json["context"]["erasure_costs"][0]["calibrations"]) ==
        std::vector<std::string>{"count", "steps", "passes", "samples", "seconds", "mean_staleness"});
  CHECK(keys(json["final"]) == figure_keys);
  CHECK(keys(json["before_erasure"]) == figure_keys);
  CHECK(keys(json["erasures"][0]) ==
        std::vector<std::string>{"client", "scope", "class", "samples", "requested_at", "merged_at",
                                 "forgotten_at", "downtime_seconds", "retained_throughput_ratio",
                                 "lost_updates", "late_updates", "updates_lost", "rebound_of", "rebound_max",
                                 "rebound_end", "before", "final", "outcome", "reason"});
  for (const char* key : {"before", "final"})
    CHECK(keys(json["erasures"][0][key]) ==
          std::vector<std::string>{"forget_accuracy", "attack_success_rate", "mia_auc"});
  CHECK(keys(json["counters"]) ==
        std::vector<std::string>{"updates", "samples_trained", "messages", "bytes_sent"});
}

TEST_CASE("a figure that does not apply is null, a figure of zero is zero") {
  Summary s;
  s.erasures.emplace_back();
  s.final.attack_success_rate = 0.0;
  s.before_erasure.mia_auc = std::numeric_limits<double>::quiet_NaN();
  s.erasures[0].downtime_seconds = 0.0;
  const auto json = to_json(s, {}, HostInfo{});
  CHECK(json["final"]["attack_success_rate"].is_number());
  CHECK(json["final"]["attack_success_rate"] == 0.0);
  CHECK(json["final"]["test_accuracy"].is_null());
  CHECK(json["before_erasure"]["mia_auc"].is_null());
  const auto& e = json["erasures"][0];
  CHECK(e["downtime_seconds"] == 0.0);
  CHECK(e["lost_updates"] == 0);
  CHECK(e["updates_lost"] == 0);
  CHECK(e["outcome"] == "unserved");
  for (auto key : {"requested_at", "merged_at", "forgotten_at", "reason", "retained_throughput_ratio",
                   "rebound_max", "rebound_end"})
    CHECK_MESSAGE(e[key].is_null(), key);
  for (auto key : {"overrun_share", "peak_rss_bytes", "model_sha256"})
    CHECK_MESSAGE(json[key].is_null(), key);
  for (auto key : {"host", "cores", "revision", "started"})
    CHECK_MESSAGE(json["context"][key].is_null(), key);
  CHECK(json["counters"]["updates"] == 0);
  CHECK(to_json(Summary{})["erasures"] == Json::array());
}

TEST_CASE("a complete summary reads back from its file") {
  TemporaryFolder tmp;
  Summary s;
  s.method = "afu_ic", s.clock = "virtual";
  s.final = {0.9, 0.5, 0.95, 0.01, 0.5, 0.875, 0.96, 1.25, 0.04, 0.125};
  s.before_erasure = {0.91, 0.9, 0.96, 0.8, 0.7};
  s.erasures.push_back({3, 10.5, 12.25, 14.0, 0.0, 0.98, 0.04, 0.01, 1, 2});
  s.erasures[0].updates_lost = 7;
  s.erasures[0].samples = 85, s.erasures[0].rebound_of = "forget_accuracy";
  s.erasures[0].found = {0.9, std::nullopt, 0.7}, s.erasures[0].final = {0.4, std::nullopt, 0.5};
  s.erasures[0].outcome = RequestOutcome::merged;
  s.warnings = {"mind the gap"};
  s.test_set = {480, 3, 0.5, 1.03125};
  s.updates = 480, s.samples_trained = 96000, s.messages = 1000, s.bytes_sent = std::uint64_t{1} << 40;
  s.virtual_seconds = 60.5, s.wall_seconds = 7.25, s.overrun_share = 0.125, s.peak_rss_bytes = 123456789;
  s.model_sha256 = "abc", s.seed = std::numeric_limits<std::uint64_t>::max();
  s.scenario = "quick\xff", s.ended = "completed", s.devices = {"cpu"}, s.revision = "0123abcd";
  s.started = "2024-05-01T12:34:56Z", s.events = 2000, s.history_bytes = 4096;
  const auto folder = RunFolder::create(tmp / "run", false);
  write_summary(folder, s, {{"afu", "0.1.0"}, {"torch", "1.13.1"}});

  const auto text = text_of(folder.path("summary.json"));
  CHECK(text.back() == '\n');
  const auto json = Json::parse(text);
  CHECK(json["schema"] == summary_schema);
  CHECK(keys(json["context"]["versions"]) == std::vector<std::string>{"afu", "torch"});
  CHECK(json["context"]["versions"]["torch"] == "1.13.1");
  CHECK(json["context"]["seed"] == s.seed);
  CHECK(json["context"]["scenario"] == "quick\xef\xbf\xbd");  // no UTF-8: replaced, not lost
  CHECK(json["context"]["devices"] == Json::array({"cpu"}));
  CHECK(json["context"]["revision"] == "0123abcd");
  CHECK(json["context"]["started"] == "2024-05-01T12:34:56Z");
  CHECK(json["context"]["ended"] == "completed");
  CHECK(json["context"]["test_set"] ==
        Json::parse(R"({"samples":480,"classes":3,"majority_share":0.5,"entropy":1.03125})"));
  CHECK(json["context"]["retain_set"].is_null());
  CHECK(json["context"]["events"] == 2000);
  CHECK(json["context"]["history_bytes"] == 4096);
  CHECK(json["method"] == "afu_ic");
  CHECK(json["clock"] == "virtual");
  CHECK(json["final"] == Json::parse(R"({"test_accuracy":0.9,"balanced_accuracy":0.875,"test_auc":0.96,
                                         "test_loss":1.25,"calibration_error":0.04,"brier_score":0.125,
                                         "forget_accuracy":0.5,"retain_accuracy":0.95,
                                         "attack_success_rate":0.01,"mia_auc":0.5})"));
  CHECK(json["before_erasure"]["forget_accuracy"] == 0.9);
  CHECK(
      json["erasures"] ==
      Json::parse(
          R"([{"client":3,"scope":"client","class":null,"samples":85,"requested_at":10.5,"merged_at":12.25,"forgotten_at":14.0,
    "downtime_seconds":0.0,"retained_throughput_ratio":0.98,"lost_updates":1,"late_updates":2,"updates_lost":7,
    "rebound_of":"forget_accuracy","rebound_max":0.04,"rebound_end":0.01,
    "before":{"forget_accuracy":0.9,"attack_success_rate":null,"mia_auc":0.7},
    "final":{"forget_accuracy":0.4,"attack_success_rate":null,"mia_auc":0.5},"outcome":"merged","reason":null}])"));
  CHECK(json["context"]["warnings"] == Json::array({"mind the gap"}));
  CHECK(json["counters"] == Json::parse(R"({"updates":480,"samples_trained":96000,"messages":1000,
                                            "bytes_sent":1099511627776})"));
  CHECK(json["virtual_seconds"] == 60.5);
  CHECK(json["wall_seconds"] == 7.25);
  CHECK(json["overrun_share"] == 0.125);
  CHECK(json["peak_rss_bytes"] == 123456789);
  CHECK(json["model_sha256"] == "abc");
}

TEST_CASE("what ended a run that diverged stands in its context, with a sentence") {
  Summary s;
  CHECK(to_json(s)["context"]["divergence"].is_null());
  s.divergence = Divergence{"update", 3, 12, std::nullopt, 31, 35, 4.5};
  s.warnings = {"look here"};
  const auto context = to_json(s)["context"];
  CHECK(
      context["divergence"] ==
      Json::parse(R"({"what":"update","client":3,"job":12,"request":null,"version":31,"updates":35,"time":4.5,
    "text":"the update of client/3 (job 12), computed from version 31, is not finite: after 35 updates, at 4.5 s"})"));
  CHECK(context["warnings"] == Json::array({"look here"}));
}

TEST_CASE("attacks stand by name and figure, and are null where there were none") {
  Summary s;
  CHECK(to_json(s)["context"]["attacks"].is_null());
  s.attacks = {{"final", 9, 9, 1.5, "loss", "auc", 0.5},
               {"final", 9, 9, 1.5, "loss", "tpr_at_0.1pct", 0},
               {"final", 9, 9, 1.5, "backdoor", "lift", std::nan("")}};
  const auto json = to_json(s)["context"]["attacks"];
  CHECK(json["loss"]["auc"] == 0.5);
  CHECK(json["loss"]["tpr_at_0.1pct"] == 0);
  CHECK(json["backdoor"]["lift"].is_null());
}

TEST_CASE("the host is known") {
  const auto host = host_info();
  CHECK_FALSE(host.name.empty());
  CHECK_FALSE(host.system.empty());
  CHECK(host.cores >= 1);
  CHECK(host.memory_bytes > 1u << 20);
  CHECK(peak_rss_bytes() > 1u << 20);
  CHECK(peak_rss_bytes() < host.memory_bytes);
  const auto now = utc_now();
  REQUIRE(now.size() == 20);
  CHECK(now[10] == 'T');
  CHECK(now.back() == 'Z');
}

TEST_CASE("what calibrations and a guard came to") {
  Summary s;
  s.erasures.resize(2);
  s.erasures[0].calibrations = {4, 6, 30, 700, 600.0, 2.5};
  s.erasures[0].guard = GuardFigures{4, 2.0, 1.04, 0.4, 3};  // cosines 0.4, 0.6, 0.4, 0.6
  const auto json = to_json(s)["context"]["erasure_costs"];
  CHECK(json[0]["calibrations"]["mean_staleness"] == 1.5);
  CHECK(json[0]["guard"]["mean_cosine"] == 0.5);
  CHECK(json[0]["guard"]["mean_removed"] == 0.1);
  CHECK(json[0]["guard"]["projected"] == 3);
  CHECK(json[0]["guard"]["cosine_deviation"].get<double>() == doctest::Approx(std::sqrt(0.04 / 3)));
  CHECK(json[1]["calibrations"]["count"] == 0);
  CHECK(json[1]["calibrations"]["mean_staleness"].is_null());
  CHECK(json[1]["guard"].is_null());
}
