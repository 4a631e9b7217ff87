#include <algorithm>

#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

/// Few rounds where a method's own number is large.
std::vector<std::string> with(const std::string& method, std::vector<std::string> more = {}) {
  more.insert(more.end(),
              {"unlearning.method=" + method, "unlearning.fine_tune.updates=4", "unlearning.fedosd.rounds=3",
               "unlearning.fedosd.recovery_rounds=2", "unlearning.pga.epochs=1"});
  if (method == "afu_ic_paper")
    more.emplace_back("calibration.steps=2");  // nobody waits for them: the run may end
  return more;
}
bool supports(const methods::Method& m, methods::Scope scope) {
  return std::find(m.traits.scopes.begin(), m.traits.scopes.end(), scope) != m.traits.scopes.end();
}
double seconds_of(const Played& p) {
  const auto& e = p.result.summary.erasures.at(0);
  return *e.forgotten_at - *e.requested_at;
}

}  // namespace

TEST_CASE("every method under every training rule erases and goes on") {
  for (const char* rule : {"async_delta", "fedavg", "fedasync", "fedbuff"})
    for (const auto& method : methods::methods()) {
      CAPTURE(rule);
      CAPTURE(method.name);
      if (!supports(method, methods::Scope::client)) continue;
      if (method.name == "knot" && (rule == std::string("fedavg") || rule == std::string("fedasync")))
        continue;  // refused: see methods/knot/assignment.cpp
      if (method.name == "sifu" && rule == std::string("fedasync")) continue;  // refused
      const auto p = play(small, with(method.name, {std::string("training.rule=") + rule}));
      CHECK(p.result.report.failure == "");
      CHECK(p.result.summary.ended == "completed");
      REQUIRE(p.result.summary.erasures.size() == 1);
      const auto& e = p.result.summary.erasures[0];
      CHECK(e.merged_at.has_value() == (method.name != "none"));
      CHECK(e.forgotten_at.has_value() == (method.name != "none"));
      for (const auto& d : decisions(p, "merged"))  // nothing of the target after its request
        if (d["t"].get<double>() > *e.requested_at) CHECK(d["client"] != 0);
    }
}

TEST_CASE("retraining restarts once, and the old model is served until it has caught up") {
  const auto p = play(small, {"unlearning.method=retrain"});
  const auto& e = p.result.summary.erasures.at(0);
  CHECK(decisions(p, "restarted").size() == 1);
  CHECK(*e.merged_at == *e.forgotten_at);
  CHECK(*e.downtime_seconds == doctest::Approx(*e.forgotten_at - *e.requested_at));
  const auto blocking = play(small, {"unlearning.method=retrain", "unlearning.coordination=blocking"});
  CHECK(blocking.result.report.failure == "");
  CHECK(blocking.result.summary.erasures.at(0).forgotten_at.has_value());
}

TEST_CASE("the late policies decide what stragglers from before the erasure may do") {
  for (const char* policy : {"rebase", "guard", "drop", "accept"}) {
    CAPTURE(policy);
    const auto p = play(small, {"training.rule=fedasync", std::string("unlearning.late=") + policy});
    CHECK(p.result.report.failure == "");
    const std::string kind = policy == std::string("rebase")  ? "late_rebased"
                             : policy == std::string("guard") ? "late_guarded"
                             : policy == std::string("drop")  ? "late_dropped"
                                                              : "late_accepted";
    CHECK(decisions(p, kind).size() >= 4);  // five clients were at work
    CHECK(p.result.summary.erasures.at(0).late_updates >= 4);
  }
}

TEST_CASE("a client that has some samples erased goes on with the rest") {
  for (const auto& m : methods::methods()) {
    if (!supports(m, methods::Scope::samples)) continue;
    CAPTURE(m.name);
    const auto p = play(small, with(m.name, {"erasure[0].scope=samples", "erasure[0].fraction=0.5"}));
    CHECK(p.result.report.failure == "");
    const double requested = p.result.summary.erasures.at(0).requested_at.value();
    bool back = false;
    for (const auto& d : decisions(p, "merged"))
      back = back || (d["client"] == 0 && d["t"].get<double>() > requested);
    CHECK(back);
  }
}

TEST_CASE("overlapping requests are all served") {
  for (const auto& m : methods::methods()) {
    if (!supports(m, methods::Scope::client)) continue;
    CAPTURE(m.name);
    const auto p = play(std::string(small) + "[[erasure]]\nclient = 3\nat_update = 19\n",
                        with(m.name, {"stop.updates=60"}));
    CHECK(p.result.report.failure == "");
    REQUIRE(p.result.summary.erasures.size() == 2);
    if (m.name != "none")
      for (const auto& e : p.result.summary.erasures) CHECK(e.forgotten_at.has_value());
  }
}

TEST_CASE("samples first, then the client, then the client once more") {
  for (const auto& m : methods::methods()) {
    if (!supports(m, methods::Scope::samples) || m.name == "none") continue;
    CAPTURE(m.name);
    const auto p =
        play(std::string(small) +
                 "[[erasure]]\nclient = 0\nat_update = 26\n[[erasure]]\nclient = 0\n"
                 "at_update = 50\n",
             with(m.name, {"erasure[0].scope=samples", "erasure[0].fraction=0.5", "stop.updates=60"}));
    CHECK(p.result.report.failure == "");
    REQUIRE(p.result.summary.erasures.size() == 3);
    const auto& e = p.result.summary.erasures;
    CHECK(e[0].forgotten_at.has_value());
    CHECK(e[1].forgotten_at.has_value());
    CHECK(e[2].forgotten_at == e[2].requested_at);  // all of it is erased already
    for (const auto& d : decisions(p, "merged"))
      if (d["t"].get<double>() > *e[1].requested_at) CHECK(d["client"] != 0);
  }
}

TEST_CASE("a class is forgotten by everybody") {
  for (const auto& m : methods::methods()) {
    if (!supports(m, methods::Scope::data_class) || m.name == "prune") continue;
    CAPTURE(m.name);
    const auto p = play(small, with(m.name, {"erasure[0]={scope=\"class\",class=1,at_update=18}",
                                             "data.backdoor.trigger=none", "stop.updates=60"}));
    CHECK(p.result.report.failure == "");
    CHECK(p.result.summary.erasures.at(0).client == -1);
    CHECK(p.result.summary.erasures.at(0).lost_updates >= 5);  // what was on its way had been trained on it
    bool all_go_on[6] = {};
    for (const auto& d : decisions(p, "merged"))
      if (d["t"].get<double>() > p.result.summary.erasures.at(0).requested_at.value())
        all_go_on[d["client"].get<int>()] = true;
    CHECK(std::count(std::begin(all_go_on), std::end(all_go_on), true) >= 5);
  }
}

TEST_CASE(
    "FedOSD waits for the slowest in every round, FedEraser goes through half the rounds with half the "
    "epochs") {
  const std::string timing = "scenario.execute=timing";
  const auto slow = [&](const std::string& method, double factor) {
    return play(std::string(small) + "[[heterogeneity.compute.override]]\nclient = 4\nslowdown = " +
                    std::to_string(factor) + "\n",
                with(method, {timing, "heterogeneity.compute.slowdown={distribution=\"constant\",value=1.0}",
                              "training.rule=fedavg", "training.local_epochs=2",
                              "erasure[0]={client=0,at_round=8}", "stop.rounds=12", "stop.updates=0"}));
  };
  // An epoch is 40 samples of 0.01 s, the links take 0.02 s; the round that has begun is waited for first.
  const auto round = [](double factor, int epochs) { return factor * epochs * 0.4 + 0.02; };
  CHECK(seconds_of(slow("fedosd", 1)) == doctest::Approx(round(1, 2) + 3 * round(1, 1)));
  CHECK(seconds_of(slow("fedosd", 5)) == doctest::Approx(round(5, 2) + 3 * round(5, 1)));
  // Rounds 0, 2, 4, 6, 8 are stored; the first needs no training, the others one epoch instead of two.
  CHECK(seconds_of(slow("federaser", 1)) == doctest::Approx(round(1, 2) + 4 * round(1, 1)));
  CHECK(*slow("federaser", 5).result.summary.erasures.at(0).downtime_seconds ==
        doctest::Approx(round(5, 2) + 4 * round(5, 1)));
  // Ours waits for nobody.
  CHECK(seconds_of(slow("afu_ic", 5)) == doctest::Approx(seconds_of(slow("afu_ic", 1))));
}

TEST_CASE("subtracting a client that never took part changes nothing") {
  const std::vector<std::string> absent{"heterogeneity.compute.override=[{client=0,slowdown=1e6}]"};
  const auto without = play(small, with("none", absent));
  for (const char* method : {"subtract", "afu_ic", "fedrecovery", "kd"}) {
    CAPTURE(method);
    auto set = absent;
    if (method == std::string("kd")) set.push_back("unlearning.coordination=concurrent");  // else it halts
    const auto p = play(small, with(method, set));
    CHECK(p.result.summary.model_sha256 == without.result.summary.model_sha256);
  }
}

TEST_CASE("what a method stores and computes is counted") {
  const auto federaser = play(small, with("federaser"));
  const auto& e = federaser.result.summary.erasures.at(0);
  CHECK(e.stored_bytes > 0);
  CHECK(e.client_passes > 0);
  CHECK(e.server_passes == 0);
  const auto afu_ic = play(small, with("afu_ic"));
  CHECK(afu_ic.result.summary.erasures.at(0).client_passes == 0);
  CHECK(afu_ic.result.summary.erasures.at(0).server_passes > 0);
  const auto none = play(small, with("none"));
  CHECK(none.result.summary.erasures.at(0).stored_bytes == 0);
  const auto retrain = play(small, with("retrain"));
  CHECK(retrain.result.summary.erasures.at(0).client_passes > 0);
}

TEST_CASE("a history over its budget ends the run with a clear error") {
  const auto p = play(small, with("federaser", {"unlearning.history_budget_mb=0.01"}));
  CHECK(p.result.report.failure.find("unlearning.history_budget_mb is 0.01") != std::string::npos);
}

TEST_CASE("a federation with dropouts and absences still comes to its end") {
  for (const char* rule : {"async_delta", "fedavg"}) {
    const auto p =
        play(small,
             {std::string("training.rule=") + rule, "heterogeneity.availability.model=markov",
              "heterogeneity.availability.mean_on_seconds=2", "heterogeneity.availability.mean_off_seconds=1",
              "heterogeneity.availability.dropout_probability=0.3"});
    CHECK(p.result.report.failure == "");
    CHECK(p.result.summary.ended == "completed");
    bool dropped = false;
    for (const auto& e : p.log) dropped = dropped || (e.contains("event") && e["event"] == "dropped");
    CHECK(dropped);
  }
}
