// Requests that meet each other, for every method: whoever asks is erased, nobody else is lost, no run hangs.
#include <algorithm>
#include <map>
#include <set>

#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

struct Ask {
  int client;
  std::string when;
  double fraction = 1;  ///< of its samples; 1: the whole client
};
struct Situation {
  std::string name;
  std::vector<Ask> asks;
  std::vector<std::string> set{};
  int slow = -1;  ///< a client that may not be heard of again before the end
};

/// Client 4 is away from 1 s to 2 s, the others never.
std::string absence() {
  const auto file =
      std::filesystem::temp_directory_path() / ("afu-overlapping-" + std::to_string(::getpid()) + ".csv");
  std::ofstream out(file);
  out << "client,on_seconds,off_seconds\n4,0,1\n4,2,1e9\n";
  for (int c : {0, 1, 2, 3, 5}) out << c << ",0,1e9\n";
  return file.string();
}

std::vector<Situation> situations() {
  const auto slow = [](int client, const std::string& factor, const std::string& stop = "stop.updates=120") {
    return std::vector<std::string>{
        "heterogeneity.compute.override=[{client=" + std::to_string(client) + ",slowdown=" + factor + "}]",
        stop};
  };
  return {
      {"three at once", {{0, "at_update = 18"}, {2, "at_update = 18"}, {4, "at_update = 18"}}},
      {"one while another is being erased",
       {{0, "at_update = 18"}, {3, "at_update = 19"}, {1, "at_update = 20"}}},
      {"one after the other", {{0, "at_update = 14"}, {3, "at_update = 40"}}},
      {"the straggler, with another", {{0, "at_update = 18"}, {5, "at_update = 19"}}, slow(5, "8.0")},
      {"the straggler in its first task",
       {{5, "at_seconds = 1.0"}, {1, "at_seconds = 2.0"}},
       slow(5, "10", "stop.updates=800")},
      {"beside a straggler", {{0, "at_update = 18"}, {1, "at_update = 18"}}, slow(5, "12.0"), 5},
      {"one that is down",
       {{4, "at_seconds = 1.2"}, {0, "at_seconds = 1.4"}},
       {"heterogeneity.availability.model=trace", "heterogeneity.availability.path=" + absence()}},
      {"one that is being erased, then erased already",
       {{0, "at_update = 14"}, {0, "at_update = 15"}, {0, "at_update = 50"}}},
      {"samples, then the client", {{0, "at_update = 14", 0.5}, {0, "at_update = 30"}}},
      {"samples, and at once the client", {{0, "at_update = 18", 0.5}, {0, "at_update = 18"}}},
      {"samples three times, of two clients",
       {{0, "at_update = 16", 0.5}, {3, "at_update = 17", 0.5}, {0, "at_update = 20", 0.4}}},
      {"nearly everybody",
       {{0, "at_update = 18"}, {1, "at_update = 18"}, {2, "at_update = 19"}, {3, "at_update = 22"}}},
  };
}

std::string text_of(const Situation& s) {
  std::string asks;
  for (const auto& a : s.asks) {
    asks += "[[erasure]]\nclient = " + std::to_string(a.client) + "\n" + a.when + "\n";
    if (a.fraction < 1) asks += "scope = \"samples\"\nfraction = " + std::to_string(a.fraction) + "\n";
  }
  std::string text = small;
  const auto at = text.find("[[erasure]]");
  return text.replace(at, text.find("[stop]") - at, asks);
}

bool serves(const methods::Method& m, const Situation& s) {
  return std::all_of(s.asks.begin(), s.asks.end(), [&](const Ask& a) {
    const auto scope = a.fraction < 1 ? methods::Scope::samples : methods::Scope::client;
    return std::count(m.traits.scopes.begin(), m.traits.scopes.end(), scope) > 0;
  });
}

/// What holds for every method and every situation.
void check(const Played& p, const Situation& s, bool erases) {
  CHECK(p.result.report.failure == "");
  REQUIRE(p.result.summary.ended == "completed");
  REQUIRE(p.result.summary.erasures.size() == s.asks.size());
  std::map<int, double> asked;  // whole clients: when first
  double settled = 0;           // from then on nobody is being erased
  for (std::size_t i = 0; i < s.asks.size(); ++i) {
    CAPTURE(i);
    const auto& e = p.result.summary.erasures[i];
    const auto& ask = s.asks[i];
    CHECK(e.client == ask.client);
    const bool again = ask.fraction == 1 && asked.count(ask.client) > 0;
    if (ask.fraction == 1) asked.emplace(ask.client, *e.requested_at);
    settled = std::max({settled, *e.requested_at, e.forgotten_at.value_or(0)});
    if (!erases) {
      CHECK(!e.forgotten_at);
      continue;
    }
    REQUIRE(e.merged_at);
    REQUIRE(e.forgotten_at);
    CHECK(*e.merged_at >= *e.requested_at);
    CHECK(*e.forgotten_at >= *e.merged_at);
    CHECK(*e.downtime_seconds <= *e.forgotten_at - *e.requested_at + 1e-9);
    if (again) {  // never before the request that erases it
      CHECK(*e.forgotten_at >= *p.result.summary.erasures[i - 1].forgotten_at);
      CHECK(e.client_passes == 0);
    }
  }
  std::set<int> heard;
  for (const char* kind : {"merged", "late_rebased"})
    for (const auto& d : decisions(p, kind)) {
      const int client = d["client"];
      const double t = d["t"];
      if (auto i = asked.find(client); i != asked.end()) CHECK(t <= i->second);
      if (t > settled) heard.insert(client);
    }
  for (int c = 0; c < 6; ++c) {
    CAPTURE(c);
    if (c != s.slow) CHECK(heard.count(c) == 1 - asked.count(c));
  }
}

}  // namespace

TEST_CASE("requests that overlap are all served, and everybody else goes on") {
  for (const auto& situation : situations())
    for (const auto& method : methods::methods())
      for (const std::string rule : {"async_delta", "fedavg"}) {
        if (!serves(method, situation)) continue;
        if (method.name == "knot" && rule == "fedavg") continue;  // refused
        CAPTURE(situation.name);
        CAPTURE(method.name);
        CAPTURE(rule);
        std::vector<std::string> set{"scenario.execute=timing",
                                     "unlearning.method=" + method.name,
                                     "training.rule=" + rule,
                                     "stop.updates=120",
                                     "unlearning.fine_tune.updates=4",
                                     "unlearning.fedosd.rounds=3",
                                     "unlearning.fedosd.recovery_rounds=2",
                                     "unlearning.pga.epochs=1"};
        set.insert(set.end(), situation.set.begin(), situation.set.end());
        check(play(text_of(situation), set), situation, method.name != "none");
      }
}

TEST_CASE("with real training too: three at once, and samples before the client") {
  const auto all = situations();
  for (const auto* name : {"three at once", "samples, then the client"}) {
    const auto situation =
        *std::find_if(all.begin(), all.end(), [&](const Situation& s) { return s.name == name; });
    for (const auto& method : methods::methods()) {
      if (!serves(method, situation)) continue;
      CAPTURE(situation.name);
      CAPTURE(method.name);
      const auto p = play(text_of(situation), {"unlearning.method=" + method.name, "stop.updates=60",
                                               "unlearning.fine_tune.updates=4", "unlearning.fedosd.rounds=3",
                                               "unlearning.fedosd.recovery_rounds=2",
                                               "unlearning.pga.epochs=1", "data.backdoor.trigger=none"});
      check(p, situation, method.name != "none");
      REQUIRE(p.result.summary.final.test_accuracy);
      if (method.name != "not")  // which flips a layer's sign, and needs longer
        CHECK(*p.result.summary.final.test_accuracy > 0.3);
    }
  }
}

TEST_CASE("what a straggler sends after it has asked is rejected") {
  for (const auto& method : methods::methods()) {
    if (method.traits.default_coordination != methods::Coordination::concurrent) continue;
    const Situation s{"straggler", {{5, "at_update = 18"}}, {}, -1};
    if (!serves(method, s)) continue;
    CAPTURE(method.name);
    const auto p =
        play(text_of(s), {"scenario.execute=timing", "unlearning.method=" + method.name,
                          "heterogeneity.compute.override=[{client=5,slowdown=3.0}]", "stop.updates=80",
                          "unlearning.fine_tune.updates=4", "unlearning.pga.epochs=1"});
    const auto rejected = decisions(p, "rejected");
    CHECK(std::count_if(rejected.begin(), rejected.end(), [](const auto& d) { return d["client"] == 5; }) ==
          1);
    CHECK(p.result.summary.erasures.at(0).lost_updates >= 1);
    check(p, s, method.name != "none");
  }
}
