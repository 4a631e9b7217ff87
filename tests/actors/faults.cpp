// An actor of each kind that ends in an exception: the run says who and why, and no request is lost.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/fault.hpp"
#include "support.hpp"

using namespace afu;
using namespace afu::test;
using record::RequestOutcome;

namespace {

/// Four clients, of whom two ask, and a calibrator that has work; a version is measured now and then.
const std::vector<std::string> tiny{"data.train_samples=48",
                                    "data.val_samples=16",
                                    "data.test_samples=8",
                                    "data.image_size=8",
                                    "partition.clients=4",
                                    "training.local_epochs=1",
                                    "calibration.steps=2",
                                    "calibration.window_updates=4",
                                    "calibration.window_every=2",
                                    "calibration.samples_per_environment=1",
                                    "evaluation.every_updates=4",
                                    "erasure=[{client=0,at_update=6},{client=2,at_update=9}]",
                                    "stop.updates=20"};

std::vector<std::string> with(std::vector<std::string> set, std::vector<std::string> more) {
  set.insert(set.end(), more.begin(), more.end());
  return set;
}

bool mentions(const std::vector<std::string>& lines, const std::string& text) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const auto& l) { return l.find(text) != std::string::npos; });
}

/// Each request is there with its outcome, and as merged where the log says so.
void check_requests(const Played& p) {
  const auto& s = p.result.summary;
  REQUIRE(s.erasures.size() == 2);
  for (const auto& e : s.erasures) {
    CHECK((e.outcome == RequestOutcome::merged) == e.merged_at.has_value());
    CHECK(e.reason.empty() == (e.outcome == RequestOutcome::merged && e.forgotten_at.has_value()));
    if (!e.reason.empty()) CHECK(mentions(s.warnings, e.reason));
    for (const auto& d : decisions(p, "erasure_merged"))
      if (d["client"] == e.client) CHECK(e.outcome == RequestOutcome::merged);
    for (const auto& d : decisions(p, "forgotten"))
      if (d["client"] == e.client) CHECK(e.forgotten_at);
  }
}

struct Faulty {
  Played played;
  std::uint64_t messages;  ///< of actors of that kind
};

Faulty play_with(std::string_view kind, const std::string& n, const std::vector<std::string>& set) {
  const base::fault::Armed armed("actor=" + std::string(kind) + ":" + n);
  auto played = play(small, set);
  return {std::move(played), base::fault::messages()};
}

/// That the actor ended at its n-th message. False: it had not so many.
bool check_ends(std::string_view kind, std::uint64_t n, const std::vector<std::string>& set) {
  CAPTURE(kind);
  CAPTURE(n);
  const auto f = play_with(kind, std::to_string(n), set);
  const auto& r = f.played.result;
  CAPTURE(r.summary.ended);
  check_requests(f.played);
  if (f.messages < n) return false;
  const auto why = "AFU_FAULT: message " + std::to_string(n) + " of a " + std::string(kind);
  if (r.summary.ended == "completed") {
    // A client is replaced; nobody needs what the others would have done once they have told.
    if (kind == "client")
      CHECK(mentions(r.summary.warnings, " died and was replaced; its job was lost: " + why));
    else
      CHECK(n > f.messages / 2);
    return true;
  }
  CHECK(r.summary.ended == "failed: " + r.report.failure);
  CHECK(r.report.failure.find("the " + std::string(kind)) == 0);
  CHECK(r.report.failure.find(" ended unexpectedly: " + why) != std::string::npos);
  // What is told of the run is what has happened.
  const auto& s = r.summary;
  const auto accepted = decisions(f.played, "merged").size() + decisions(f.played, "late_rebased").size();
  if (kind != "federation" && kind != "recorder") CHECK(accepted <= s.updates);
  if (!f.played.log.empty()) CHECK(s.virtual_seconds >= f.played.log.back()["t"].get<double>());
  return true;
}

}  // namespace

TEST_CASE(
    "an actor of each kind that ends in an exception is named, with its reason, and all requests are listed") {
  for (const auto kind : base::fault::actor_kinds) {
    const auto all = play_with(kind, "1000000", tiny).messages;
    CAPTURE(kind);
    REQUIRE(all > 0);
    for (const auto n : {std::uint64_t{1}, (all + 1) / 2, all}) check_ends(kind, n, tiny);
  }
}

TEST_CASE("so it is at each of their messages" * doctest::test_suite("slow")) {
  for (const auto kind : base::fault::actor_kinds)
    for (std::uint64_t n = 1; check_ends(kind, n, tiny); ++n) continue;
}

TEST_CASE("so it is on the wall clock, and where nothing is computed") {
  for (const auto kind : base::fault::actor_kinds) {
    const bool computes = kind == "lane" || kind == "dispatcher" || kind == "evaluator";
    for (const std::uint64_t n : {1, 5}) {
      check_ends(kind, n, with(tiny, {"scenario.clock=wall", "scenario.time_scale=0.02"}));
      if (!computes)
        check_ends(kind, n, with(tiny, {"scenario.execute=timing", "data.backdoor.trigger=none"}));
    }
  }
}

TEST_CASE("clients that die again and again end the run") {
  const auto f = play_with("client", "20+", tiny);
  check_requests(f.played);
  const auto& failure = f.played.result.report.failure;
  CHECK(failure.find("client/") == 0);
  CHECK(failure.find(" died 4 times: AFU_FAULT: message ") != std::string::npos);
}

TEST_CASE("a run without its server tells what the server had done") {
  // By one message of the server after the other: requests come, are merged, are forgotten.
  bool unserved = false, merged = false, forgotten = false;
  const auto all = play_with("server", "1000000", tiny).messages;
  for (std::uint64_t n = 1; n <= all; n += 3) {
    const auto p = play_with("server", std::to_string(n), tiny).played;
    check_requests(p);
    const auto& e = p.result.summary.erasures[0];
    unserved = unserved || e.outcome == RequestOutcome::unserved;
    merged = merged || (e.outcome == RequestOutcome::merged && !e.forgotten_at);
    forgotten = forgotten || e.forgotten_at;
    if (n > 1) CHECK(p.result.summary.model_sha256 != "");
    CHECK(p.result.summary.updates <= n);
  }
  CHECK(unserved);
  CHECK((merged || forgotten));
  CHECK(forgotten);
}
