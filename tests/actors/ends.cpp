// How runs end: every request has an outcome, what is not finite is named, who is waited for is told.
#include <algorithm>
#include <set>
#include <thread>

#include "support.hpp"

using namespace afu;
using namespace afu::test;
using record::RequestOutcome;

namespace {

/// A hundred equal clients, whose updates come in bursts of a hundred.
const std::vector<std::string> equal_clients{"scenario.execute=timing",  "partition.clients=100",
                                             "data.train_samples=3000",  "heterogeneity.compute.slowdown=1.0",
                                             "erasure[0].at_update=120", "stop.updates=400"};

std::vector<std::string> with(std::vector<std::string> set, std::vector<std::string> more) {
  set.insert(set.end(), more.begin(), more.end());
  return set;
}

std::size_t accepted_before_the_request(const Played& p) {
  std::size_t accepted = 0;
  for (const auto& e : p.log) {
    if (e.value("event", "") == "erase_request") return accepted;
    const auto d = e.value("decision", "");
    accepted += d == "merged" || d == "buffered" || d == "late_rebased";
  }
  return 0;
}

bool mentions(const std::vector<std::string>& lines, const std::string& text) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const auto& l) { return l.find(text) != std::string::npos; });
}

const std::vector<std::string> diverging{"training.lr=1.0", "training.clip_norm=0",
                                         "training.local_epochs=10", "model.name=cnn"};

}  // namespace

TEST_CASE("at_update = n comes after exactly n updates, also where a hundred come at one instant") {
  for (const int n : {1, 99, 100, 101, 120, 250}) {
    CAPTURE(n);
    const auto p = play(small, with(equal_clients, {"erasure[0].at_update=" + std::to_string(n),
                                                    "unlearning.afu_ic.publish=at_once"}));
    CHECK(accepted_before_the_request(p) == static_cast<std::size_t>(n));
    CHECK(p.result.summary.erasures.at(0).outcome == RequestOutcome::merged);
  }
}

TEST_CASE("at_update = n comes after exactly n updates on the wall clock too") {
  const auto p = play(small, {"scenario.clock=wall", "scenario.time_scale=0.05", "erasure[0].at_update=13",
                              "partition.clients=12", "heterogeneity.compute.slowdown=1.0", "stop.updates=40",
                              "data.backdoor.trigger=none"});
  CHECK(accepted_before_the_request(p) == 13);
  CHECK(p.result.summary.updates == 40);
}

TEST_CASE("versions that give every image the same answer are told") {
  const std::string told = "all test images have the same answer in ";
  CHECK_FALSE(mentions(play(small).result.summary.warnings, told));
  const auto dead = play(small, {"model.name=cnn_small", "training.lr=1.0"});
  CHECK(mentions(dead.result.summary.warnings, told));
  CHECK(mentions(dead.result.warnings, told));
}

TEST_CASE("a request that the end comes before is unserved, and that is told") {
  const auto late = play(small, {"scenario.execute=timing", "erasure=[{client=0,at_seconds=1e6}]"});
  REQUIRE(late.result.summary.erasures.size() == 1);
  const auto& e = late.result.summary.erasures[0];
  CHECK(e.outcome == RequestOutcome::unserved);
  CHECK_FALSE(e.requested_at);
  CHECK_FALSE(e.downtime_seconds);
  CHECK(late.result.summary.ended == "completed");
  CHECK(mentions(late.result.summary.warnings,
                 "erasure[0] of client/0: unserved: the run ended before it was due, at 1000000 s"));

  const auto round = play(
      small, {"scenario.execute=timing", "training.rule=fedavg", "stop.updates=30",
              "heterogeneity.availability.dropout_probability=0.0001", "erasure=[{client=0,at_round=5}]"});
  CHECK(round.result.summary.erasures.at(0).outcome == RequestOutcome::unserved);
  CHECK(mentions(round.result.summary.warnings, "it came due with what ended the run"));
}

TEST_CASE("every method's request two updates before the end is merged, refused or told") {
  std::set<std::string> told;
  for (const auto& method : methods::methods())
    for (const std::string rule : {"async_delta", "fedavg", "fedbuff"}) {
      const auto& scopes = method.traits.scopes;
      if (std::find(scopes.begin(), scopes.end(), methods::Scope::client) == scopes.end()) continue;
      if (method.name == "knot" && rule == "fedavg") continue;  // refused
      CAPTURE(method.name);
      CAPTURE(rule);
      const auto p =
          play(small, {"scenario.execute=timing", "unlearning.method=" + method.name, "training.rule=" + rule,
                       "training.buffer_size=3", "erasure[0].at_update=34"});
      const auto& s = p.result.summary;
      REQUIRE(s.erasures.size() == 1);
      const auto& e = s.erasures[0];
      CHECK(s.ended == "completed");
      CHECK((e.outcome == RequestOutcome::merged) == e.merged_at.has_value());
      CHECK((e.outcome == RequestOutcome::refused) == (method.name == "none"));
      CHECK(e.reason.empty() == (e.outcome == RequestOutcome::merged && e.forgotten_at.has_value()));
      if (e.reason.empty() || method.name == "none") continue;
      CHECK(mentions(s.warnings, "erasure[0] of client/0"));
      told.insert(method.name);
    }
  CHECK(told.size() > 5);
}

TEST_CASE("a run that diverges ends with the first update that is not finite, on any number of lanes") {
  const auto p = play(small, diverging);
  const auto& s = p.result.summary;
  CHECK(s.ended == "diverged");
  CHECK(p.result.report.failure == "");
  REQUIRE(s.divergence);
  CHECK(s.divergence->what == "update");
  CHECK(s.divergence->client);
  CHECK(s.divergence->updates == s.updates);
  CHECK(decisions(p, "diverged").size() == 1);
  CHECK(p.log.back().value("decision", "") == "diverged");
  CHECK(p.log.back().value("client", -1) == static_cast<int>(*s.divergence->client));
  const auto other = play(small, with(diverging, {"compute.lanes=3"}));
  CHECK(other.text == p.text);
  CHECK(other.result.summary.model_sha256 == s.model_sha256);
  CHECK(to_string(*other.result.summary.divergence) == to_string(*s.divergence));
  CHECK(play(small, with(diverging, {"scenario.execute=timing"})).result.summary.ended == "completed");
}

TEST_CASE("a run that drops what is not finite goes on without it, the same on any number of lanes") {
  const std::vector<std::string> set{"training.non_finite=drop", "training.lr=0.9", "training.clip_norm=0",
                                     "training.local_epochs=6", "model.name=cnn"};
  const auto p = play(small, with(set, {"compute.lanes=1"}));
  const auto& s = p.result.summary;
  CHECK(s.ended == "completed");
  CHECK_FALSE(s.divergence);
  CHECK(s.updates == 36);
  CHECK(s.unused.not_finite_updates > 0);
  CHECK(decisions(p, "not_finite").size() == s.unused.not_finite_updates);
  CHECK(mentions(s.warnings, "not finite, so dropped (training.non_finite): "));
  CHECK(s.erasures.at(0).outcome == RequestOutcome::merged);
  const auto other = play(small, with(set, {"compute.lanes=3"}));
  CHECK(other.text == p.text);
  CHECK(other.result.summary.model_sha256 == s.model_sha256);
}

TEST_CASE("who is waited for is named where nothing is left to happen") {
  const auto file =
      std::filesystem::temp_directory_path() / ("afu-starved-" + std::to_string(::getpid()) + ".csv");
  {
    std::ofstream out(file);
    out << "client,on_seconds,off_seconds\n5,0,0.1\n";
    for (int c = 0; c < 5; ++c) out << c << ",0,1e9\n";
  }
  const std::vector<std::string> away{"scenario.execute=timing", "training.rule=fedavg",
                                      "heterogeneity.availability.model=trace",
                                      "heterogeneity.availability.path=" + file.string()};
  const auto p = play(small, away);
  CHECK(p.result.summary.ended.rfind("starved: ", 0) == 0);
  CHECK(p.result.summary.ended.find("client/5 (job 1, since 0 s)") != std::string::npos);
  CHECK(p.result.summary.ended.find("client/5 since 0.01") != std::string::npos);
  CHECK(p.result.summary.unused.clients_gone == 1);
  CHECK(p.result.summary.unused.clients_never_heard == 1);
  CHECK(p.result.summary.unused.busy_at_end == 1);
  const auto others = play(small, with(away, {"training.rule=async_delta"}));
  CHECK(others.result.summary.ended == "completed");
  CHECK(mentions(others.result.notes, "a client will never be back"));
  std::filesystem::remove(file);
}

TEST_CASE("whom a blocking request waits for is told while it waits, and no longer") {
  const std::vector<std::string> virtually{"unlearning.method=fedosd"};
  for (const auto& set : {virtually, with(virtually, {"scenario.clock=wall", "scenario.time_scale=0.01"})}) {
    CAPTURE(set.size());
    std::vector<std::string> told;
    actors::RunOptions options;
    options.progress = [&](const actors::Progress& p) { told.push_back(p.waited_for); };
    play(small, set, options);
    const auto waits = [](const std::string& t) { return t.rfind("erasure[0] waits for client/", 0) == 0; };
    const auto first = std::find_if(told.begin(), told.end(), waits);
    REQUIRE(first != told.end());
    CHECK(std::any_of(first, told.end(), [](const std::string& t) { return t.empty(); }));
  }
}

TEST_CASE("federaser without a complete round goes back to the first version") {
  const auto p =
      play(small, {"unlearning.method=federaser", "training.max_in_flight=1", "erasure[0].at_update=2"});
  CHECK(decisions(p, "replaced").size() == 1);
  CHECK(p.result.summary.erasures.at(0).outcome == RequestOutcome::merged);
}

TEST_CASE("a run in which no version was ever published says so") {
  const auto p = play(small, {"scenario.execute=timing", "training.rule=fedbuff", "training.buffer_size=1000",
                              "stop.updates=0", "stop.seconds=5"});
  CHECK(p.result.report.outcome.version == 0);
  CHECK(mentions(p.result.summary.warnings, "no version was ever published"));
  CHECK(p.result.summary.unused.buffered_at_end > 0);
}

TEST_CASE("jobs and links of any length leave a run that ends") {
  const std::vector<std::vector<std::string>> hard{
      {"heterogeneity.availability={model=\"markov\"}",
       "heterogeneity.compute.slowdown={distribution=\"lognormal\",median=1.0,sigma=10.0}"},
      {"heterogeneity.availability={model=\"diurnal\",period_seconds=0.001,on_fraction=1e-6}"},
      {"heterogeneity.availability={model=\"markov\",mean_on_seconds=0.001,mean_off_seconds=1e12}"},
      {"heterogeneity.availability={model=\"markov\",mean_on_seconds=0.001,mean_off_seconds=0.001}",
       "heterogeneity.network.latency_seconds=1e10"},
      {"heterogeneity.network.uplink_mbit=1e-300"},
      {"heterogeneity.compute.slowdown=1e12", "heterogeneity.compute.seconds_per_sample=1e6"}};
  for (const auto& set : hard) {
    CAPTURE(set.front());
    const auto p = play(small, with(set, {"scenario.execute=timing"}));
    const auto& ended = p.result.summary.ended;
    CHECK((ended == "completed" || ended.rfind("starved: ", 0) == 0));
  }
}

TEST_CASE("the wall clock waits for what is centuries away, and ends when it is told to") {
  std::atomic<bool> interrupt{false};
  actors::RunOptions options;
  options.interrupt = &interrupt;
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    interrupt = true;
  });
  const auto p = play(small, {"scenario.clock=wall", "heterogeneity.network.latency_seconds=1e10"}, options);
  later.join();
  CHECK(p.result.summary.ended == "interrupted");
  CHECK(p.result.summary.updates == 0);
  CHECK(p.result.summary.erasures.at(0).outcome == RequestOutcome::unserved);
}
