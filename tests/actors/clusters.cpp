// KNOT through the actors: what an erasure costs, and that nobody outside the target's cluster notices.
#include <algorithm>
#include <map>
#include <set>

#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

std::vector<std::string> knot(std::vector<std::string> more = {}) {
  more.insert(more.end(), {"unlearning.method=knot", "stop.updates=48"});
  return more;
}

std::map<int, int> clusters_of(const Played& p) {
  std::map<int, int> of;
  for (const auto& d : decisions(p, "assigned"))
    of[d["client"]] = static_cast<int>(d["weight"].get<double>());
  return of;
}

/// Events of `clients`, and what was decided on their updates, up to `until`; versions are counted over all
/// clusters and are left out, with the staleness of what is rejected, which counts them.
std::vector<std::string> seen_by(const Played& p, const std::set<int>& clients, double until) {
  std::vector<std::string> lines;
  for (const auto& e : p.log) {
    if (e["t"].get<double>() > until) continue;
    if (e.contains("decision")) {
      if (e["client"].is_number() && clients.count(e["client"].get<int>()))
        lines.push_back(e["t"].dump() + e["decision"].dump() + e["client"].dump() +
                        (e["decision"] == "rejected" ? "" : e["staleness"].dump()) + e["weight"].dump());
      continue;
    }
    const std::string from = e["from"], to = e["to"];
    const auto& who = from.rfind("client/", 0) == 0 ? from : to;
    if (who.rfind("client/", 0) != 0 || clients.count(std::stoi(who.substr(7))) == 0) continue;
    lines.push_back(e["t"].dump() + e["event"].dump() + from + to + e["job"].dump());
  }
  return lines;
}

std::string without_erasure() {
  std::string text = small;
  const auto at = text.find("[[erasure]]");
  text.erase(at, text.find("[stop]") - at);
  return text.replace(text.find("[data.backdoor]"), 15, "[data.backdoor]\nclient = 0");
}

}  // namespace

TEST_CASE("clients of other clusters see the same with the erasure and without") {
  for (const char* rule : {"async_delta", "fedbuff"}) {
    CAPTURE(rule);
    const auto set = knot({std::string("training.rule=") + rule});
    const auto with = play(small, set), without = play(without_erasure(), set);
    REQUIRE(with.result.report.failure == "");
    const auto of = clusters_of(with);
    REQUIRE(of.size() == 6);
    CHECK(of == clusters_of(without));
    std::set<int> others, own;
    for (const auto& [client, cluster] : of) (cluster == of.at(0) ? own : others).insert(client);
    CHECK(others.size() == 3);
    const double until = *with.result.summary.erasures.at(0).forgotten_at;
    CHECK(until > with.result.summary.erasures[0].requested_at.value());
    const auto seen = seen_by(with, others, until);
    CHECK(seen.size() > 30);
    CHECK(seen == seen_by(without, others, until));
    CHECK(seen_by(with, own, until) != seen_by(without, own, until));
  }
}

TEST_CASE("the cost is the cluster's: what its other members had merged is computed again, no more") {
  const auto p = play(small, knot({"erasure[0].at_update=30"}));
  const auto& e = p.result.summary.erasures.at(0);
  const auto of = clusters_of(p);
  int lost = 0, made = 0;
  bool target = false;
  for (const auto& d : decisions(p, "merged")) {
    const int client = d["client"];
    const double t = d["t"];
    if (of.at(client) != of.at(0)) continue;
    target = target || client == 0;
    lost += target && client != 0 && t <= *e.requested_at;
    made += t > *e.requested_at && t <= *e.forgotten_at;
  }
  CHECK(lost > 3);
  CHECK(made == lost);
  CHECK(e.client_passes == doctest::Approx(lost * 34).epsilon(0.05));  // 240 samples of six, less a holdout
  CHECK(e.server_passes == 0);
  CHECK(*e.downtime_seconds == 0);  // others train on
  CHECK(e.lost_updates == 3);       // the target's, and those of two members
  CHECK(e.stored_bytes > 0);
  CHECK(decisions(p, "rolled_back").size() == 1);
  const auto retrain =
      play(small, {"unlearning.method=retrain", "erasure[0].at_update=30", "stop.updates=48"});
  CHECK(e.client_passes < 0.7 * retrain.result.summary.erasures.at(0).client_passes);
}

TEST_CASE("where all are in one cluster its retraining is the federation's downtime") {
  const auto p = play(small, knot({"unlearning.knot.clusters=1"}));
  const auto& e = p.result.summary.erasures.at(0);
  CHECK(*e.downtime_seconds == doctest::Approx(*e.forgotten_at - *e.requested_at));
  CHECK(*e.downtime_seconds > 0);
}

TEST_CASE("clusters do not depend on the number of lanes") {
  const auto one = play(small, knot({"compute.lanes=1"}));
  REQUIRE(one.result.report.failure == "");
  CHECK(one.result.summary.model_sha256.size() == 64);
  const auto more = play(small, knot({"compute.lanes=4"}));
  CHECK(more.text == one.text);
  CHECK(more.result.summary.model_sha256 == one.result.summary.model_sha256);
  const auto random = play(small, knot({"unlearning.knot.assignment=random"}));
  CHECK(random.result.report.failure == "");
  CHECK(random.text != one.text);
}

TEST_CASE("a timing-only run has the clusters of speed alone, and is erased from as well") {
  const auto set = knot({"unlearning.knot.disparity_weight=0"});
  auto timing = set;
  timing.emplace_back("scenario.execute=timing");
  const auto p = play(small, timing);
  CHECK(p.result.summary.ended == "completed");
  CHECK(p.result.summary.erasures.at(0).client_passes > 0);
  CHECK(decisions(p, "rolled_back").size() == 1);
  REQUIRE(clusters_of(p).size() == 6);
  CHECK(clusters_of(p) == clusters_of(play(small, set)));
}

TEST_CASE("clusters with clients that come and go, and lose jobs") {
  const auto p = play(small, knot({"scenario.execute=timing", "heterogeneity.availability.model=markov",
                                   "heterogeneity.availability.mean_on_seconds=2",
                                   "heterogeneity.availability.mean_off_seconds=1",
                                   "heterogeneity.availability.dropout_probability=0.3"}));
  CHECK(p.result.report.failure == "");
  CHECK(p.result.summary.ended == "completed");
  CHECK(p.result.summary.erasures.at(0).forgotten_at.has_value());
  CHECK(decisions(p, "assigned").size() == 6);
}

TEST_CASE("checkpoints are within the history budget, or the run ends with a clear error") {
  const auto p = play(small, knot({"unlearning.history_budget_mb=0.001"}));
  CHECK(p.result.report.failure.find("unlearning.history_budget_mb is 0.001") != std::string::npos);
}

TEST_CASE("the best cluster is published: clients see the same, and the model is a cluster's") {
  const auto best = play(small, knot({"unlearning.knot.variant=code", "compute.lanes=1"}));
  REQUIRE(best.result.report.failure == "");
  CHECK(best.result.summary.ended == "completed");
  CHECK(!decisions(best, "chosen").empty());
  const auto mean = play(small, knot());
  CHECK(clusters_of(best) == clusters_of(mean));
  const std::set<int> all{0, 1, 2, 3, 4, 5};
  const double until = *mean.result.summary.erasures.at(0).forgotten_at;
  CHECK(seen_by(best, all, until) == seen_by(mean, all, until));
  CHECK(best.result.summary.model_sha256 != mean.result.summary.model_sha256);
  const auto more = play(small, knot({"unlearning.knot.variant=code", "compute.lanes=4"}));
  CHECK(more.text == best.text);
  CHECK(more.result.summary.model_sha256 == best.result.summary.model_sha256);
}
