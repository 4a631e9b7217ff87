/// Requests are counted in scenarios drawn at random: each that was asked is merged, refused or unserved, and no run hangs.
#include <algorithm>
#include <caf/all.hpp>
#include <map>

#include "config/loader.hpp"
#include "random_scenario.hpp"
#include "support.hpp"

using namespace afu;
using namespace afu::test;
using record::RequestOutcome;

namespace {

constexpr std::uint64_t scenarios = 500;

struct Counts {
  std::size_t asked = 0, merged = 0, refused = 0, unserved = 0, not_erased = 0, starved = 0, replaced = 0;
};

std::size_t delivered(const Played& p) {
  return static_cast<std::size_t>(std::count_if(p.log.begin(), p.log.end(), [](const auto& e) {
    return e.contains("event") && e["event"] == "erase_request";
  }));
}

bool told(const record::Summary& s, std::size_t request) {
  const auto begin = fmt::format("erasure[{}] of ", request);
  return std::any_of(
             s.warnings.begin(), s.warnings.end(),
             [&](const auto& w) { return w.rfind(begin, 0) == 0 && w.find("the run ended ") != w.npos; }) ||
         std::any_of(s.warnings.begin(), s.warnings.end(), [&](const auto& w) {
           return w.rfind(begin, 0) == 0 && w.find("it came due with") != w.npos;
         });
}

void check(const RandomScenario& drawn, const Played& p, Counts& counts) {
  const auto& s = p.result.summary;
  CHECK(p.result.report.failure == "");
  const bool starved = s.ended.rfind("starved: ", 0) == 0;
  CHECK((starved || s.ended == "completed"));
  CHECK(s.virtual_seconds < watchdog_seconds);
  CHECK(s.events < watchdog_events);
  counts.starved += starved;
  counts.replaced += p.result.report.replaced.size();
  REQUIRE(s.erasures.size() == drawn.asked());
  counts.asked += drawn.asked();
  std::size_t asked = 0;
  for (const auto& e : s.erasures) {
    CAPTURE(e.request);
    CAPTURE(e.reason);
    asked += e.requested_at.has_value();
    CHECK((e.outcome == RequestOutcome::merged) == e.merged_at.has_value());
    if (e.forgotten_at) CHECK(e.merged_at);
    if (e.outcome == RequestOutcome::refused) {
      ++counts.refused;
      const auto* text = drawn.method_name() == "none" ? "the method 'none' erases nothing"
                                                       : " never comes back, so it cannot erase";
      CHECK(e.reason.find(text) != std::string::npos);
    } else {
      ++(e.outcome == RequestOutcome::merged ? counts.merged : counts.unserved);
      counts.not_erased += e.outcome == RequestOutcome::merged && !e.forgotten_at;
      CHECK(e.reason.empty() == e.forgotten_at.has_value());
      CHECK(told(s, e.request) == !e.forgotten_at);
    }
  }
  CHECK(delivered(p) == asked);
}

/// Plays it; every fifth time the actors of two clients die at its begin.
Played played(std::uint64_t seed, const RandomScenario& drawn, const std::vector<std::string>& set) {
  actors::RunOptions options;
  if (seed % 5 == 0)
    options.on_start = [](const actors::federation_actor& f, caf::actor_system&) {
      for (const auto client : {0, 1})
        caf::anon_send(f, atom::crash_v, static_cast<record::NodeId>(record::first_client_node + client),
                       std::string{});
    };
  return play(drawn.text(), set, options);
}

Counts count(std::uint64_t first, std::uint64_t number, const std::vector<std::string>& set) {
  Counts counts;
  const auto file =
      std::filesystem::temp_directory_path() / ("afu-away-" + std::to_string(::getpid()) + ".csv");
  for (std::uint64_t seed = first; seed < first + number; ++seed) {
    const RandomScenario drawn(seed, file.string());
    CAPTURE(seed);
    INFO(drawn.text());
    if (!drawn.away().empty()) std::ofstream(file) << drawn.away();
    try {
      check(drawn, played(seed, drawn, set), counts);
    } catch (const std::exception& e) {
      FAIL_CHECK(std::string(e.what()));
    }
  }
  std::filesystem::remove(file);
  MESSAGE(counts.asked << " asked: " << counts.merged << " merged (" << counts.not_erased
                       << " not called erased), " << counts.refused << " refused, " << counts.unserved
                       << " unserved; " << counts.starved << " runs starved, " << counts.replaced
                       << " clients died");
  CHECK(counts.asked == counts.merged + counts.refused + counts.unserved);
  return counts;
}

}  // namespace

TEST_CASE("a scenario is a function of its seed") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CHECK(RandomScenario(seed, "a").text() == RandomScenario(seed, "a").text());
    CHECK(RandomScenario(seed, "a").text() != RandomScenario(seed + 1, "a").text());
  }
}

TEST_CASE("in 500 scenarios drawn at random each request is merged, refused or unserved, and no run hangs") {
  const auto counts = count(1, scenarios, {});
  // Else little was tried.
  CHECK(counts.merged > 300);
  CHECK(counts.refused > 5);
  CHECK(counts.unserved > 50);
  CHECK(counts.starved > 5);
  CHECK(counts.replaced > 50);
}

TEST_CASE("so it is where the federations of them train" * doctest::test_suite("slow")) {
  count(1001, 60, {"scenario.execute=train", "evaluation.attacks=none", "calibration.steps=2"});
}
