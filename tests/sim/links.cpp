#include "sim/links.hpp"
#include "config/sections/heterogeneity.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

using namespace afu::base;
using namespace afu::sim;
using namespace afu::config;

namespace {

/// A network whose profiles live as long. All figures are binary fractions, so that sums are exact.
struct Fixture {
  Heterogeneity h;
  std::optional<Profiles> profiles;
  std::optional<Links> network;

  Fixture() { h.network.latency_seconds.parameters["value"] = 0.25; }
  Links& make(std::int64_t clients = 4) {
    profiles.emplace(h, 1, clients);
    network.emplace(*profiles, h.network, 1);
    return *network;
  }
};

constexpr std::uint64_t megabyte = 1000000;  // 8 Mbit

}  // namespace

TEST_CASE("latency only, then latency and bandwidth") {
  Fixture f;
  auto& plain = f.make();
  CHECK(plain.send(10, true, 0, 0, 0).time == 10.25);
  CHECK(plain.send(10, true, 0, megabyte, 1).time == 10.25);
  CHECK(plain.send(10, false, 0, megabyte, 1).time == 10.25);

  f.h.network.uplink_mbit.parameters["value"] = 4;
  f.h.network.downlink_mbit.parameters["value"] = 16;
  f.h.network.overrides = {{2, 1.0, 8, -1}};
  auto& n = f.make();
  CHECK(n.send(10, true, 0, megabyte, 0).time == 12.25);
  CHECK(n.send(10, false, 0, megabyte, 0).time == 10.75);
  CHECK(n.send(10, true, 2, megabyte, 0).time == 12);
  CHECK(n.send(10, true, 0, 0, 1).time == 10.25);
  CHECK(n.totals().messages == 4);
  CHECK(n.totals().bytes == 3 * megabyte);
  CHECK(n.totals().retransmissions == 0);
}

TEST_CASE("the server's link takes transfers one after the other, each direction for itself") {
  Fixture f;
  f.h.network.server_mbit = 8;
  auto& n = f.make();
  CHECK(n.send(0, true, 0, megabyte, 0).time == 1.25);
  CHECK(n.send(0, true, 1, megabyte, 0).time == 2.25);
  CHECK(n.send(0, false, 2, megabyte, 0).time == 1.25);
  CHECK(n.send(0.5, false, 3, megabyte, 0).time == 2.25);
  CHECK(n.send(0.5, true, 3, 0, 0).time == 0.75);  // nothing to transfer: nothing to wait for
  CHECK(n.send(9, true, 0, megabyte, 1).time == 10.25);
}

TEST_CASE("uplink: own link, latency, server's link; downlink: server's link, own link, latency") {
  Fixture f;
  f.h.network.uplink_mbit.parameters["value"] = 4;
  f.h.network.downlink_mbit.parameters["value"] = 4;
  f.h.network.server_mbit = 8;
  auto& n = f.make();
  CHECK(n.send(0, true, 0, megabyte, 0).time == 3.25);
  CHECK(n.send(0, true, 1, megabyte, 0).time == 4.25);
  CHECK(n.send(0, false, 0, megabyte, 0).time == 3.25);
  CHECK(n.send(0, false, 1, megabyte, 0).time == 4.25);
}

TEST_CASE("a slow upload under way does not hold the server's link") {
  Fixture f;
  f.h.network.uplink_mbit.parameters["value"] = 8;
  f.h.network.overrides = {{0, -1, 0.125, -1}};
  f.h.network.server_mbit = 8;
  auto& n = f.make();
  CHECK(n.send(0, true, 0, megabyte, 0).time == 65.25);  // reaches the server's link at 64.25
  CHECK(n.send(1, true, 1, megabyte, 0).time == 3.25);
  CHECK(n.send(62.5, true, 1, megabyte, 1).time ==
        65.75);  // at the link from 63.75 on, interrupted for a second
}

TEST_CASE("a shared link is never idle while a transfer waits") {
  SharedLink link;
  CHECK(link.take(0, 10, 1) == 11);
  CHECK(link.take(0, 12, 1) == 13);
  CHECK(link.take(0, 9, 4) == 15);  // 9-10, 11-12, 13-15
  CHECK(link.intervals() == 1);
  CHECK(link.take(0, 8, 1) == 9);  // fits exactly
  CHECK(link.intervals() == 1);
  CHECK(link.take(0, 7, 0.5) == 7.5);
  CHECK(link.intervals() == 2);
  CHECK(link.take(0, 12, 1) == 16);
  CHECK(link.take(20, 20, 1) == 21);
  CHECK(link.intervals() == 1);
}

TEST_CASE("a shared link conserves work under random load") {
  // Against a second-by-second simulation: every slot of time has one owner, earlier calls choose first.
  Stream s({1, purpose("shared link"), 0, 0});
  SharedLink link;
  std::vector<bool> busy(20000);
  double now = 0;
  for (int i = 0; i < 2000; ++i) {
    now += static_cast<double>(s.below(6));
    auto ready = static_cast<std::size_t>(now) + s.below(40);
    auto length = 1 + s.below(4);
    std::size_t t = ready;
    for (auto left = length; left > 0; ++t)
      if (!busy[t]) {
        busy[t] = true;
        --left;
      }
    REQUIRE(link.take(now, static_cast<double>(ready), static_cast<double>(length)) ==
            static_cast<double>(t));
  }
}

TEST_CASE("losses are geometric, cost a retransmission each, and are the same whenever asked") {
  Fixture f;
  f.h.network.loss_probability = 0.25;
  f.h.network.retransmit_seconds = 2;
  f.h.network.uplink_mbit.parameters["value"] = 8;
  auto& n = f.make();
  constexpr int messages = 40000;
  std::vector<int> count(4);
  std::vector<int> losses;
  for (int m = 0; m < messages; ++m) {
    auto a = n.send(0, true, 1, megabyte, static_cast<std::uint64_t>(m));
    REQUIRE(a.time == 1.25 + 3 * a.retransmissions);
    ++count[static_cast<std::size_t>(std::min(a.retransmissions, 3))];
    losses.push_back(a.retransmissions);
  }
  CHECK(count[0] / double(messages) == doctest::Approx(0.75).epsilon(0.02));
  CHECK(count[1] / double(messages) == doctest::Approx(0.1875).epsilon(0.05));
  CHECK(count[2] / double(messages) == doctest::Approx(0.046875).epsilon(0.1));
  auto& totals = n.totals();
  CHECK(totals.bytes == (messages + totals.retransmissions) * megabyte);
  CHECK(totals.retransmissions / double(messages) == doctest::Approx(1.0 / 3).epsilon(0.05));

  auto& again = f.make();
  int differs = 0;
  for (int m = messages - 1; m >= 0; --m) {
    auto number = static_cast<std::uint64_t>(m);
    differs += again.send(0, true, 1, 0, number).retransmissions != losses[number];
  }
  CHECK(differs == 0);
}

TEST_CASE("every attempt of a lost download uses the server's link again") {
  Fixture f;
  f.h.network.loss_probability = 0.5;
  f.h.network.retransmit_seconds = 2;
  f.h.network.server_mbit = 8;
  auto& n = f.make();
  int seen = 0;
  for (std::uint64_t m = 0; m < 50; ++m) {
    auto down = n.send(1000.0 * static_cast<double>(m), false, 0, megabyte, m);
    CHECK(down.time == 1000.0 * static_cast<double>(m) + 1.25 + 3 * down.retransmissions);
    auto up = n.send(1000.0 * static_cast<double>(m), true, 0, megabyte, m);
    CHECK(up.time == 1000.0 * static_cast<double>(m) + 1.25 + 2 * up.retransmissions);
    seen += down.retransmissions;
  }
  CHECK(seen > 20);
}

TEST_CASE("latency jitter is one draw a message") {
  Fixture f;
  f.h.network.jitter = {"uniform", {{"min", 0.5}, {"max", 1.5}}, ""};
  auto& n = f.make();
  double sum = 0;
  for (std::uint64_t m = 0; m < 20000; ++m) {
    double t = n.send(0, true, 3, 0, m).time;
    REQUIRE(t >= 0.125);
    REQUIRE(t < 0.375);
    sum += t;
  }
  CHECK(sum / 20000 == doctest::Approx(0.25).epsilon(0.01));
  CHECK(n.send(0, true, 3, 0, 7).time == f.make().send(0, true, 3, 0, 7).time);
  CHECK(n.send(0, true, 3, 0, 7).time != n.send(0, false, 3, 0, 7).time);
}

TEST_CASE("a network that could never deliver is refused") {
  Fixture f;
  f.h.network.loss_probability = 1;
  CHECK_THROWS_WITH_AS(f.make(), doctest::Contains("heterogeneity.network.loss_probability is 1"),
                       std::invalid_argument);
}

TEST_CASE("a link that takes for ever gives infinite times, never times that are no number") {
  SharedLink link;
  constexpr double never = std::numeric_limits<double>::infinity();
  CHECK(link.take(0, 1, never) == never);
  CHECK(link.take(0, 2, 1) == never);  // behind it
  CHECK(link.take(0, never, 1) == never);
  CHECK(link.take(0, never, never) == never);
  CHECK(link.take(0, 0, 0.5) == 0.5);  // before it
  CHECK(link.take(0, 0.75, 1) == never);
}
