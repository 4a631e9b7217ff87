#include "sim/availability.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "config/sections/heterogeneity.hpp"
#include "tests/base/temporary_file.hpp"

using namespace afu::sim;
using Section = afu::config::AvailabilityHeterogeneity;

namespace {

constexpr double never = std::numeric_limits<double>::infinity();

Section model(const std::string& name) {
  Section a;
  a.model = afu::config::named<afu::config::AvailabilityModel>(name, "model");
  return a;
}

Section trace(const TemporaryFile& file) {
  auto a = model("trace");
  a.path = file.path.string();
  return a;
}

}  // namespace

TEST_CASE("always on") {
  Availability a(model("always"), 1, 3);
  CHECK(a.always_on());
  CHECK(a.next_on(2, 7) == 7);
  CHECK(a.finish(2, 7, 3) == 10);
  CHECK_FALSE(a.dropout(2, 0));
}

TEST_CASE("diurnal: windows are exact and phases spread over the clients") {
  auto section = model("diurnal");
  section.period_seconds = 100;
  section.on_fraction = 0.25;
  Availability a(section, 1, 4);
  // client 0: [0, 25), [100, 125); client 1: [-25, 0), [75, 100), ...; client 2: [50, 75), ...
  CHECK(a.next_on(0, 0) == 0);
  CHECK(a.next_on(0, 24) == 24);
  CHECK(a.next_on(0, 25) == 100);
  CHECK(a.next_on(1, 0) == 75);
  CHECK(a.next_on(2, 10) == 50);
  CHECK(a.next_on(2, 175) == 250);
  CHECK(a.finish(0, 0, 25) == 25);
  CHECK(a.finish(0, 0, 26) == 101);
  CHECK(a.finish(0, 20, 60) == 305);  // 5 + 25 + 25 + 5
  CHECK(a.finish(0, 30, 10) == 110);  // begun while off
  CHECK(a.finish(1, 80, 0) == 80);
  CHECK(a.finish(0, 50, 0) == 100);
}

TEST_CASE("diurnal: answers are consistent where periods are no binary fractions") {
  auto section = model("diurnal");
  section.period_seconds = 0.1;
  section.on_fraction = 1.0 / 3;
  Availability a(section, 1, 7);
  double t = 0;
  for (int i = 0; i < 5000; ++i) {
    double on = a.next_on(3, t);
    REQUIRE(on >= t);
    REQUIRE(on - t < 0.0667);
    REQUIRE(a.next_on(3, on) == on);
    double end = a.finish(3, on, 0.05);  // one and a half windows
    REQUIRE(end >= on + 0.05);
    t = end;
  }
}

TEST_CASE("markov: on for the stationary share of the time, in exponential periods") {
  auto section = model("markov");
  section.mean_on_seconds = 30;
  section.mean_off_seconds = 10;
  constexpr int clients = 4000;
  Availability a(section, 1, clients);
  for (double t : {0.0, 5.0, 1000.0}) {
    int on = 0;
    for (int client = 0; client < clients; ++client) on += a.next_on(client, t) == t;
    CAPTURE(t);
    CHECK(on / double(clients) == doctest::Approx(0.75).epsilon(0.04));
  }
  // Work of w seconds takes w x (on + off) / on on average in the long run.
  double sum = 0;
  for (int client = 0; client < 200; ++client) sum += a.finish(client, 1000, 3000) - 1000;
  CHECK(sum / 200 == doctest::Approx(4000).epsilon(0.02));
}

TEST_CASE("markov: the answers do not depend on the order of the questions") {
  auto section = model("markov");
  Availability forward(section, 1, 3), other(section, 1, 3), seed(section, 2, 3);
  std::vector<double> answers;
  for (int t = 0; t < 2000; ++t) answers.push_back(forward.next_on(1, t));
  int differs = 0, seeds_differ = 0;
  for (int t = 1999; t >= 0; t -= 7) {
    differs += other.next_on(1, t) != answers[static_cast<std::size_t>(t)];
    other.finish(1, t, 500);
    differs += other.next_on(1, t) != answers[static_cast<std::size_t>(t)];
    seeds_differ += seed.next_on(1, t) != answers[static_cast<std::size_t>(t)];
  }
  CHECK(differs == 0);
  CHECK(seeds_differ > 0);
}

TEST_CASE("markov: finish is next_on with pauses, checked against small steps") {
  auto section = model("markov");
  section.mean_on_seconds = 5;
  section.mean_off_seconds = 3;
  Availability a(section, 3, 1), b(section, 3, 1);
  double start = b.next_on(0, 2.0), work = 40, step = 1e-3, done = 0, t = start;
  for (; done < work - step / 2; t += step)
    if (b.next_on(0, t) == t) done += step;
  CHECK(a.finish(0, 2.0, work) == doctest::Approx(t).epsilon(0.001));
}

TEST_CASE("trace: rows are on-windows, pauses are exact, after the last row there is nothing") {
  TemporaryFile file("client,on_seconds,off_seconds\n1,20,30\n0,0,10\n1,5,10\n0,10,15\n");
  Availability a(trace(file), 1, 2);
  CHECK(a.next_on(0, 3) == 3);
  CHECK(a.next_on(0, 10) == 10);
  CHECK(a.next_on(0, 15) == never);
  CHECK(a.next_on(1, 0) == 5);
  CHECK(a.next_on(1, 10) == 20);
  CHECK(a.next_on(1, 9.5) == 9.5);
  CHECK(a.finish(0, 2, 13) == 15);
  CHECK(a.finish(0, 2, 13.5) == never);
  CHECK(a.finish(1, 0, 8) == 23);
  CHECK(a.finish(1, 31, 1) == never);
  CHECK(a.next_on(1, never) == never);
}

TEST_CASE("a bad trace is refused with file and line") {
  auto refused = [](const std::string& text, const std::string& reason) {
    TemporaryFile file(text);
    CHECK_THROWS_WITH_AS(Availability(trace(file), 1, 2), (file.path.string() + reason).c_str(),
                         std::runtime_error);
  };
  refused("0,0,1\n2,0,1\n", ":2: client is 2.000000, allowed: a whole number from 0 to 1");
  refused("0,0,1\n0.5,0,1\n", ":2: client is 0.500000, allowed: a whole number from 0 to 1");
  refused("0,4,4\n", ":1: off_seconds is 4.000000, allowed: above on_seconds, which is 4.000000");
  refused("0,0,5\n1,0,1\n0,4,6\n", ":3: overlaps line 1 of the same client, 0");
  refused("0,0,5\n", ": has no row of client 1, every one of clients 0 to 1 needs one");
  refused("0,0\n", ":1: has 2 columns, wanted 3 (client,on_seconds,off_seconds)");
}

TEST_CASE("no question takes long, however late, long or finely divided") {
  const auto asked = [](const Section& section) {
    Availability a(section, 1, 3);
    for (double t : {0.0, 1e3, 1e9, 9e11}) {
      const double on = a.next_on(1, t);
      CHECK(on >= t);
      for (double work : {0.0, 1e-3, 1e3, 1e9, 1e300})
        CHECK(a.finish(1, t, work) >= t + std::min(work, 1e12));
    }
    CHECK(a.finish(1, 0, 1e300) == never);
    CHECK(a.next_on(1, 2e12) == never);
  };
  auto section = model("diurnal");
  section.period_seconds = least_period_seconds;
  section.on_fraction = least_on_fraction;
  asked(section);
  section.period_seconds = 1e12;
  asked(section);
  section = model("markov");
  section.mean_on_seconds = section.mean_off_seconds = least_period_seconds;
  asked(section);
  section.mean_off_seconds = 1e-300;
  asked(section);
  section.mean_off_seconds = 1e12;
  asked(section);
  asked(model("always"));
}

TEST_CASE("markov: late times are stationary too, whoever asked about earlier ones") {
  auto section = model("markov");
  section.mean_on_seconds = 3;
  section.mean_off_seconds = 1;
  constexpr int clients = 4000;
  Availability a(section, 1, clients), earlier(section, 1, clients);
  int on = 0, differs = 0;
  for (int client = 0; client < clients; ++client) {
    const double late = a.next_on(client, 1e9);
    on += late == 1e9;
    earlier.next_on(client, 5), earlier.finish(client, 7, 100);
    differs += earlier.next_on(client, 1e9) != late;
  }
  CHECK(on / double(clients) == doctest::Approx(0.75).epsilon(0.04));
  CHECK(differs == 0);
}

TEST_CASE("work of very many periods takes its mean time") {
  auto section = model("markov");
  section.mean_on_seconds = 3;
  section.mean_off_seconds = 1;
  Availability a(section, 1, 1);
  CHECK(a.finish(0, 0, 2e5) == doctest::Approx(2e5 * 4 / 3).epsilon(0.02));  // step by step
  CHECK(a.finish(0, 0, 2e7) == doctest::Approx(2e7 * 4 / 3).epsilon(1e-6));
  section = model("diurnal");
  section.period_seconds = 10;
  section.on_fraction = 0.25;
  Availability d(section, 1, 1);
  CHECK(d.finish(0, 0, 1e5) == doctest::Approx(4e5).epsilon(1e-3));
  CHECK(d.finish(0, 0, 1e9) == doctest::Approx(4e9).epsilon(1e-6));
}

TEST_CASE("settings out of range are refused") {
  auto section = model("diurnal");
  for (double fraction : {0.0, 1e-16, 1.5}) {
    section.on_fraction = fraction;
    CHECK_THROWS_AS(Availability(section, 1, 1), std::invalid_argument);
  }
  section = model("markov");
  section.mean_on_seconds = 0;
  CHECK_THROWS_AS(Availability(section, 1, 1), std::invalid_argument);
  CHECK_THROWS_AS(Availability(model("trace"), 1, 1), std::invalid_argument);
}

TEST_CASE("dropout hits the stated share of jobs, anywhere in the job") {
  auto section = model("always");
  section.dropout_probability = 0.2;
  Availability a(section, 1, 5);
  constexpr int jobs = 50000;
  int lost = 0;
  double sum = 0;
  for (std::uint64_t job = 0; job < jobs; ++job)
    if (auto at = a.dropout(3, job)) {
      REQUIRE(*at > 0);
      REQUIRE(*at < 1);
      ++lost;
      sum += *at;
    }
  CHECK(lost / double(jobs) == doctest::Approx(0.2).epsilon(0.04));
  CHECK(sum / lost == doctest::Approx(0.5).epsilon(0.02));
  CHECK(a.dropout(3, 17) == a.dropout(3, 17));
}
