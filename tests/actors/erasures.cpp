#include "support.hpp"

using namespace afu;
using namespace afu::test;

TEST_CASE("every method under every training rule erases and goes on") {
  for (const char* rule : {"async_delta", "fedavg", "fedasync", "fedbuff"})
    for (const auto& method : unlearn::methods()) {
      CAPTURE(rule);
      CAPTURE(method.name);
      const auto p = play(small, {std::string("training.rule=") + rule, "unlearning.method=" + method.name});
      CHECK(p.result.report.failure == "");
      CHECK(p.result.summary.ended == "completed");
      REQUIRE(p.result.summary.erasures.size() == 1);
      const auto& e = p.result.summary.erasures[0];
      CHECK(e.merged_at.has_value() == (method.name != "none"));
      CHECK(e.forgotten_at.has_value() == (method.name != "none"));
      for (const auto& d : decisions(p, "merged"))  // nothing of the target after its request
        if (d["t"].get<double>() > e.requested_at) CHECK(d["client"] != 0);
    }
}

TEST_CASE("retraining restarts once, and the old model is served until it has caught up") {
  const auto p = play(small, {"unlearning.method=retrain"});
  const auto& e = p.result.summary.erasures.at(0);
  CHECK(decisions(p, "restarted").size() == 1);
  CHECK(*e.merged_at == *e.forgotten_at);
  CHECK(*e.downtime_seconds == doctest::Approx(*e.forgotten_at - e.requested_at));
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
  for (const char* method : {"afu_ic", "retrain", "fedquit", "none"}) {
    CAPTURE(method);
    const auto p = play(small, {"erasure[0].scope=samples", "erasure[0].fraction=0.5",
                                std::string("unlearning.method=") + method});
    CHECK(p.result.report.failure == "");
    const double requested = p.result.summary.erasures.at(0).requested_at;
    bool back = false;
    for (const auto& d : decisions(p, "merged"))
      back = back || (d["client"] == 0 && d["t"].get<double>() > requested);
    CHECK(back);
  }
}

TEST_CASE("overlapping requests are all served") {
  for (const char* method : {"afu_ic", "retrain", "pga", "none"}) {
    CAPTURE(method);
    const auto p = play(std::string(small) + "[[erasure]]\nclient = 3\nat_update = 19\n",
                        {std::string("unlearning.method=") + method});
    CHECK(p.result.report.failure == "");
    REQUIRE(p.result.summary.erasures.size() == 2);
    if (method != std::string("none"))
      for (const auto& e : p.result.summary.erasures) CHECK(e.forgotten_at.has_value());
  }
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
