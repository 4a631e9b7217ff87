#include "sim/profile.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "base/input_error.hpp"
#include "config/sections/distribution.hpp"
#include "config/sections/heterogeneity.hpp"
#include "tests/base/temporary_file.hpp"

using namespace afu::sim;
using namespace afu::config;

TEST_CASE("a job takes passes x seconds_per_sample x slowdown, exactly, without jitter") {
  Heterogeneity h;
  h.compute.seconds_per_sample = 0.25;
  h.compute.server_slowdown = 0.5;
  h.compute.overrides = {{2, 8.0}};
  h.network.overrides = {{1, 0.5, -1, 10}};
  Profiles p(h, 1, 4);
  CHECK(p.clients() == 4);
  CHECK(p.job_seconds(0, 0, 100) == 25);
  CHECK(p.job_seconds(0, 9, 100) == 25);
  CHECK(p.job_seconds(2, 0, 100) == 200);
  CHECK(p.job_seconds(3, 0, 100) == 25);
  CHECK(p.server_job_seconds(100) == 12.5);
  CHECK(p.latency_seconds(0) == 0.02);
  CHECK(p.latency_seconds(1) == 0.5);
  CHECK(p.uplink_mbit(1) == 0);
  CHECK(p.downlink_mbit(1) == 10);
  CHECK(p.downlink_mbit(0) == 0);
}

TEST_CASE("what a client is dealt depends on the seed and itself, not on how many there are") {
  Heterogeneity h;
  h.compute.slowdown = {"lognormal", {{"median", 2}, {"sigma", 1}}, ""};
  h.network.uplink_mbit = {"lognormal", {{"median", 2}, {"sigma", 1}}, ""};
  Profiles few(h, 1, 10), many(h, 1, 10001), other(h, 2, 10);
  for (int client = 0; client < 10; ++client) {
    CHECK(few.slowdown(client) == many.slowdown(client));
    CHECK(few.uplink_mbit(client) == many.uplink_mbit(client));
    CHECK(few.slowdown(client) != other.slowdown(client));
    CHECK(few.slowdown(client) != few.uplink_mbit(client));
  }
  std::vector<double> slowdowns;
  for (int client = 0; client < 10001; ++client) slowdowns.push_back(many.slowdown(client));
  std::nth_element(slowdowns.begin(), slowdowns.begin() + 5000, slowdowns.end());
  CHECK(slowdowns[5000] == doctest::Approx(2).epsilon(0.05));
}

TEST_CASE("jitter is one draw a job, the same whenever it is asked for") {
  Heterogeneity h;
  h.compute.seconds_per_sample = 1;
  h.compute.jitter = {"exponential", {{"mean", 1}}, ""};
  Profiles p(h, 1, 3);
  double first = p.job_seconds(1, 5, 10);
  CHECK(p.job_seconds(1, 6, 10) != first);
  CHECK(p.job_seconds(2, 5, 10) != first);
  CHECK(p.job_seconds(1, 5, 10) == first);
  double sum = 0;
  for (std::uint64_t job = 0; job < 100000; ++job) sum += p.job_seconds(0, job, 1);
  CHECK(sum / 100000 == doctest::Approx(1).epsilon(0.015));
}

TEST_CASE("traces deal row k to client k, and jitter row j to job j") {
  TemporaryFile file("1\n2\n3\n");
  Heterogeneity h;
  h.compute.seconds_per_sample = 1;
  h.compute.slowdown = {"trace", {}, "trace.csv"};
  h.compute.jitter = {"trace", {}, "trace.csv"};
  Profiles p(h, 1, 4, (file.folder / "s.toml").string());
  CHECK(p.slowdown(1) == 2);
  CHECK(p.slowdown(3) == 1);
  CHECK(p.job_seconds(1, 2, 10) == 60);
  CHECK(p.job_seconds(1, 3, 10) == 20);
}

TEST_CASE("errors name the key") {
  Heterogeneity h;
  h.compute.slowdown = {"uniform", {{"min", 2}, {"max", 1}}, ""};
  CHECK_THROWS_WITH_AS(Profiles(h, 1, 2),
                       "heterogeneity.compute.slowdown: max is 1, allowed: at least min, which is 2",
                       std::invalid_argument);
  h.compute.slowdown = {"trace", {}, "absent.csv"};
  CHECK_THROWS_WITH_AS(Profiles(h, 1, 2),
                       doctest::Contains("heterogeneity.compute.slowdown: absent.csv: no such file"),
                       std::runtime_error);
  h = {};
  h.compute.overrides = {{2, 1.0}};
  CHECK_THROWS_WITH_AS(Profiles(h, 1, 2), "heterogeneity.compute.override: client is 2, allowed: 0 to 1",
                       std::invalid_argument);
}

TEST_CASE("a factor of durations is never 0, wherever it comes from") {
  TemporaryFile file("value\n1\n0\n");
  const auto scenario = (file.folder / "s.toml").string();
  const auto zero = ": value is '0', allowed: a finite number > 0";
  Heterogeneity h;
  h.compute.slowdown = {"trace", {}, "trace.csv"};
  CHECK_THROWS_WITH_AS(Profiles(h, 1, 4, scenario),
                       ("heterogeneity.compute.slowdown: " + file.path.string() + ":3" + zero).c_str(),
                       afu::InputError);
  h = {};
  h.compute.jitter = {"trace", {}, "trace.csv"};
  CHECK_THROWS_WITH_AS(Profiles(h, 1, 4, scenario), doctest::Contains("compute.jitter"), afu::InputError);
  for (const Distribution& d : {Distribution{"uniform", {{"min", 0}, {"max", 0}}, ""},
                                Distribution{"constant", {{"value", 0}}, ""}}) {
    h = {};
    h.compute.slowdown = d;
    CHECK_THROWS_AS(Profiles(h, 1, 4), std::invalid_argument);
    h = {};
    h.compute.jitter = d;
    CHECK_THROWS_AS(Profiles(h, 1, 4), std::invalid_argument);
  }
  h = {};
  h.network.latency_seconds = {"trace", {}, "trace.csv"};  // a link without latency there is
  CHECK(Profiles(h, 1, 4, scenario).latency_seconds(1) == 0);
}

TEST_CASE("parameters that could overflow are refused, and a draw of 0 with its client") {
  Heterogeneity h;
  h.compute.slowdown = {"lognormal", {{"median", 1e308}, {"sigma", 10}}, ""};
  CHECK_THROWS_WITH_AS(Profiles(h, 1, 64), doctest::Contains("median is 1e+308"), std::invalid_argument);
  h.compute.slowdown = {"lognormal", {{"median", 5e-324}, {"sigma", 10}}, ""};
  CHECK_THROWS_WITH_AS(Profiles(h, 1, 64), doctest::Contains("draws 0"), std::invalid_argument);
}

TEST_CASE("stragglers are a share of the clients, the same ones among more of them") {
  afu::config::Heterogeneity h;
  h.compute.slowdown = {"lognormal", {{"median", 1.0}, {"sigma", 0.5}}, ""};
  h.compute.straggler_factor = 30;
  const auto slow = [&](double share, std::int64_t first) {
    const Profiles plain(h, 7, 20);
    auto with = h;
    with.compute.straggler_share = share;
    with.compute.straggler_first = first;
    const Profiles p(with, 7, 20);
    std::vector<std::int64_t> found;
    for (std::int64_t c = 0; c < 20; ++c) {
      if (p.slowdown(c) == plain.slowdown(c)) continue;
      CHECK(p.slowdown(c) == doctest::Approx(30 * plain.slowdown(c)));
      found.push_back(c);
    }
    return found;
  };
  CHECK(slow(0, -1).empty());
  CHECK(slow(0.05, 3) == std::vector<std::int64_t>{3});
  const auto few = slow(0.25, -1), many = slow(0.5, -1);
  CHECK(few.size() == 5);
  CHECK(many.size() == 10);
  CHECK(std::includes(many.begin(), many.end(), few.begin(), few.end()));
  h.compute.straggler_share = 0.1;
  h.compute.straggler_first = 20;
  CHECK_THROWS_AS(Profiles(h, 7, 20), std::invalid_argument);
}
