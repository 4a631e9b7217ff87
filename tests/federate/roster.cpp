#include "federate/roster.hpp"

#include "alone.hpp"

using namespace afu;
using federate::Roster;
using methods::Scope;
using test::asks;

namespace {

const std::string none = "[unlearning]\nmethod = \"none\"\n";

/// Six clients' data: each holds 10 rows in order, and 2 of the calibration's.
federate::Setup with_data(const std::string& text, const std::vector<data::IndicesPtr>& forget) {
  auto s = test::setup_of(text, {10, 10, 10, 10});
  auto d = std::make_shared<data::FederatedData>();
  for (std::int64_t c = 0; c < 4; ++c) {
    data::Indices rows;
    for (std::int64_t i = 0; i < 10; ++i) rows.push_back(10 * c + i);
    data::ClientShare client;
    client.train = test::indices(rows);
    client.holdout = test::indices({});
    d->clients.push_back(client);
    d->calibration.push_back(test::indices({100 + 2 * c, 101 + 2 * c}));
  }
  auto pool = std::make_shared<data::Images>();
  pool->labels.assign(110, 0);
  pool->labels[101] = 1;
  d->pool = std::move(pool);
  s.data = d;
  s.forget = forget;
  return s;
}

}  // namespace

TEST_CASE("roster: who asks for a part is out until it is readmitted, with what it honours left out") {
  const auto s = test::setup_of(none + asks("client = 1\nscope = \"samples\"\nfraction = 0.25"));
  Roster roster(s);
  CHECK(roster[1].asks);
  CHECK_FALSE(roster[0].asks);
  CHECK_FALSE(roster[1].excluded());
  roster.exclude(1, Scope::samples);
  CHECK(roster[1].excluded());
  CHECK_FALSE(roster[1].leaving);
  CHECK(roster.samples(1) == 100);
  CHECK(roster.readmit(1, 0));
  CHECK_FALSE(roster[1].excluded());
  CHECK(roster.samples(1) == 75);
  CHECK_FALSE(roster.readmit(1, 0));  // once
  CHECK(roster.samples(1) == 75);
}

TEST_CASE("roster: who has asked for more meanwhile stays out") {
  const std::string part = "client = 1\nscope = \"samples\"\nfraction = 0.25";
  const auto s = test::setup_of(none + asks(part) + asks(part, 2) + asks("client = 1", 3));
  Roster roster(s);
  roster.exclude(1, Scope::samples);
  roster.exclude(1, Scope::samples);
  CHECK_FALSE(roster.readmit(1, 0));
  CHECK(roster[1].excluded());
  CHECK(roster.readmit(1, 1));
  CHECK(roster[1].honours == 3);
  roster.exclude(1, Scope::client);
  CHECK(roster[1].excluded());
  CHECK(roster.staying() == std::vector<bool>{true, false, true, true});
}

TEST_CASE("roster: means and weights are of those who take part") {
  const auto s = test::setup_of(none + asks("client = 0"), {400, 100, 100, 100});
  Roster roster(s);
  CHECK(roster.mean_samples() == std::pair<double, std::size_t>{175, 4});
  roster.exclude(0, Scope::client);
  CHECK(roster.mean_samples() == std::pair<double, std::size_t>{100, 3});
  CHECK(roster.staying_samples() == std::vector<std::int64_t>{0, 100, 100, 100});
  for (std::uint32_t c : {1u, 2u, 3u}) roster.exclude(c, Scope::client);
  CHECK(roster.mean_samples() == std::pair<double, std::size_t>{1, 0});
}

TEST_CASE("roster: a new lineage begins with the updates of those who are out, the others' begin anew") {
  const auto s = test::setup_of(none + asks("client = 0"));
  Roster roster(s);
  roster.accepted(0), roster.accepted(0), roster.accepted(1);
  roster.exclude(0, Scope::client);
  CHECK(roster.begin_again() == 2);
  CHECK(roster[0].accepted == 2);
  CHECK(roster[1].accepted == 0);
}

TEST_CASE("roster: the target of a part computes with the rest, a whole client not at all") {
  auto s =
      with_data(none + asks("client = 1\nscope = \"samples\"\nfraction = 0.2"), {test::indices({10, 11})});
  Roster roster(s);
  methods::Request r;
  r.client = 1;
  r.scope = Scope::samples;
  roster.exclude(1, Scope::samples);
  auto all = roster.participants(r);
  REQUIRE(all.size() == 4);
  CHECK(all[1].samples == 8);
  CHECK(all[1].rows->front() == 12);
  CHECK(all[1].all_rows->size() == 10);
  CHECK(all[0].rows->size() == 10);
  roster.exclude(1, Scope::client);
  r.scope = Scope::client;
  all = roster.participants(r);
  REQUIRE(all.size() == 3);
  CHECK(all[1].client == 2);
}

TEST_CASE("roster: a class is left out by everybody from the request on") {
  auto s = with_data(none + asks("scope = \"class\"\nclass = 1"), {test::indices({0, 12, 13, 35})});
  Roster roster(s);
  CHECK(roster.samples(1) == 10);
  roster.honour(0);
  CHECK(roster.samples(0) == 9);
  CHECK(roster.samples(1) == 8);
  CHECK(roster.samples(2) == 10);
  CHECK(roster.samples(3) == 9);
  methods::Request r;
  r.scope = Scope::data_class;
  const auto all = roster.participants(r);
  REQUIRE(all.size() == 4);
  CHECK(all[1].samples == 8);
  CHECK(all[1].all_rows->size() == 10);                       // with those that it erases
  CHECK(*roster.environments().at(0) == data::Indices{100});  // calibration images are without the class
  CHECK(roster.environments().at(1)->size() == 2);
}

TEST_CASE("roster: calibration images are of clients that never ask, though they have not asked yet") {
  auto s = with_data(none + asks("client = 1", 900), {nullptr});
  Roster roster(s);
  CHECK(roster.environments().size() == 3);
  const auto [rows, count] = roster.calibration_rows(4);
  CHECK(count == 4);
  CHECK(*rows == data::Indices{100, 101, 104, 106});
  CHECK(roster.calibration_rows(100).second == 6);
  const auto timing = test::setup_of(none + asks("client = 1", 900));
  Roster expected(timing);
  CHECK(expected.environments().empty());
  CHECK(expected.calibration_rows(100).first == nullptr);
  CHECK(expected.calibration_rows(100).second == 12);  // of three, four each
  CHECK(expected.calibration_rows(5).second == 5);
}
