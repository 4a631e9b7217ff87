#include "data/federated.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "config/scenario.hpp"
#include "data/calibration_set.hpp"
#include "data/describe.hpp"
#include "data/phantom.hpp"
#include "data/poison.hpp"
#include "data/site_shift.hpp"
#include "tests/data/support.hpp"

using namespace afu;
using namespace afu::test;
using data::DataError;
using data::Indices;

namespace {

config::Scenario scenario() {
  config::Scenario s;
  s.data.image_size = 12;
  s.data.train_samples = 800;
  s.data.val_samples = 240;
  s.data.test_samples = 200;
  s.partition.clients = 8;
  s.erasures.push_back({});
  s.erasures[0].client = 3;
  return s;
}
config::Scenario with_backdoor() {
  auto s = scenario();
  s.data.backdoor.trigger = config::Trigger::patch;
  s.data.backdoor.label = 1;
  return s;
}

data::FederatedData build(const config::Scenario& s) {
  return data::federate(data::load_source(s.data, s.scenario.seed, ""), s);
}

std::int64_t label(const data::FederatedData& d, std::int64_t row) {
  return d.pool->labels[static_cast<std::size_t>(row)];
}
std::vector<std::uint8_t> image(const data::FederatedData& d, std::int64_t row) {
  const auto n = d.pool->image_bytes();
  const auto from = d.pool->pixels.begin() + row * n;
  return {from, from + n};
}
std::int64_t poisoned_in(const data::FederatedData& d, const Indices& rows) {
  return std::count_if(rows.begin(), rows.end(),
                       [&](auto r) { return r >= d.poisoned_begin && r < d.poisoned_begin + d.poisoned; });
}

/// Rows of every owner, without and with the poisoned copies counted.
std::multiset<std::int64_t> owned(const data::FederatedData& d) {
  std::multiset<std::int64_t> rows;
  for (const auto& c : d.clients) {
    rows.insert(c.train->begin(), c.train->end());
    rows.insert(c.holdout->begin(), c.holdout->end());
  }
  return rows;
}

/// Two classes, `per_subject` images a subject, splits of 40/10/10 subjects that share none.
data::Source subject_source() {
  data::Source s;
  s.name = "subjects";
  s.class_names = {"a", "b"};
  std::int64_t next = 0;
  for (const auto& [images, subjects] : {std::pair{&s.train, 40}, {&s.val, 10}, {&s.test, 10}}) {
    images->height = images->width = 8;
    for (int i = 0; i < subjects; ++i, ++next)
      for (int k = 0; k < 6; ++k) {
        images->labels.push_back(next % 2);
        images->subjects.push_back(next);
        images->pixels.insert(images->pixels.end(), 64, static_cast<std::uint8_t>(next * 4 + k % 4));
      }
  }
  return s;
}

}  // namespace

TEST_CASE("without a backdoor the pool is train, val, test, and every training row has one owner") {
  const auto d = build(scenario());
  CHECK(d.pool->size() == 1240);
  CHECK(d.clients.size() == 8);
  const auto rows = owned(d);
  CHECK(rows.size() == 800);
  CHECK(std::set<std::int64_t>(rows.begin(), rows.end()).size() == 800);
  CHECK(*rows.rbegin() == 799);
  for (const auto& c : d.clients) {
    CHECK(c.train->size() == 85);
    CHECK(c.holdout->size() == 15);
  }
  CHECK(d.test->front() == 1040);
  CHECK(d.test->size() == 200);
  CHECK(d.triggered_test->empty());
  CHECK(d.backdoor_client == -1);
  CHECK(!d.backdoor_target.any());
  CHECK(d.poisoned == 0);
}

TEST_CASE("calibration environments come from val alone, 20 rows each, shared by none while rows last") {
  const auto d = build(scenario());
  std::multiset<std::int64_t> rows;
  for (const auto& e : d.calibration) {
    CHECK(e->size() == 20);
    rows.insert(e->begin(), e->end());
  }
  CHECK(d.calibration.size() == 8);
  CHECK(std::set<std::int64_t>(rows.begin(), rows.end()).size() == 160);
  CHECK(*rows.begin() >= 800);
  CHECK(*rows.rbegin() < 1040);
  CHECK(d.val->size() == 80);
  for (auto r : *d.val) CHECK(rows.count(r) == 0);
}

TEST_CASE("an environment has its client's class mix; rows are used again when a class runs out") {
  std::vector<std::int64_t> labels;
  Indices val;
  for (int i = 0; i < 40; ++i) {
    labels.push_back(i % 4);
    val.push_back(i);
  }
  const auto e = data::calibration_environments({{30, 10, 0, 0}, {5, 5, 5, 5}, {0, 0, 0, 9}, {0, 0, 0, 1}},
                                                val, labels, 12, 1);
  const auto count = [&](const Indices& rows, std::int64_t c) {
    return std::count_if(rows.begin(), rows.end(),
                         [&](auto r) { return labels[static_cast<std::size_t>(r)] == c; });
  };
  CHECK(count(e[0], 0) == 9);
  CHECK(count(e[0], 1) == 3);
  for (int c = 0; c < 4; ++c) CHECK(count(e[1], c) == 3);
  // Ten rows of class 3 are all there are.
  CHECK(e[2].size() == 10);
  CHECK(e[2] == e[3]);
  for (const auto& rows : e) CHECK(std::set<std::int64_t>(rows.begin(), rows.end()).size() == rows.size());

  CHECK(contains(message_of<DataError>([&] { data::calibration_environments({{1}}, {}, labels, 5, 1); }),
                 "validation"));
  CHECK(contains(message_of<DataError>([&] {
                   data::calibration_environments({{1, 0, 0, 0}, {0, 1, 0, 0}}, {0, 4}, labels, 5, 1);
                 }),
                 "client 1"));
}

TEST_CASE("the calibration assertion sees test rows, client rows, and subjects") {
  auto s = scenario();
  s.partition.clients = 4;
  s.partition.scheme = config::PartitionScheme::subject;
  s.calibration.samples_per_environment = 5;
  const auto good = data::federate(subject_source(), s);
  data::assert_calibration_disjoint(good, true);
  const auto spoilt = [&](std::int64_t row) {
    auto d = good;
    auto rows = *d.calibration[2];
    rows.push_back(row);
    d.calibration[2] = std::make_shared<const Indices>(rows);
    return d;
  };
  CHECK_THROWS_AS(data::assert_calibration_disjoint(spoilt(good.test->front()), true), std::logic_error);
  CHECK_THROWS_AS(data::assert_calibration_disjoint(spoilt(good.clients[1].train->front()), true),
                  std::logic_error);
  CHECK_THROWS_AS(data::assert_calibration_disjoint(spoilt(good.clients[3].holdout->front()), false),
                  std::logic_error);

  auto pool = *good.pool;
  pool.subjects[static_cast<std::size_t>(good.calibration[0]->front())] =
      pool.subjects[static_cast<std::size_t>(good.test->front())];
  auto shared = good;
  shared.pool = std::make_shared<const data::Images>(pool);
  CHECK_THROWS_AS(data::assert_calibration_disjoint(shared, true), std::logic_error);
  data::assert_calibration_disjoint(shared, false);
}

TEST_CASE("what a division gives less of than one may think is told") {
  auto s = scenario();
  s.partition.clients = 4;
  s.partition.scheme = config::PartitionScheme::subject;
  s.calibration.samples_per_environment = 5;
  CHECK(data::federation_notes(data::federate(subject_source(), s), s).empty());
  s.partition.scheme = config::PartitionScheme::iid;
  s.calibration.samples_per_environment = 100;  // validation has 30 of each class
  const auto d = data::federate(subject_source(), s);
  const auto notes = data::federation_notes(d, s);
  REQUIRE(notes.size() == 2);
  CHECK(contains(notes[0], "of 40 subjects have images at more than one client"));
  CHECK(contains(notes[1],
                 "4 of 4 calibration environments have fewer than "
                 "calibration.samples_per_environment = 100 images"));
  CHECK(contains(data::describe_federation(d, s), "note: " + notes[0]));
}

TEST_CASE("subjects stay with one client, in training or in its hold-out") {
  auto s = scenario();
  s.partition.clients = 4;
  s.partition.scheme = config::PartitionScheme::subject;
  s.calibration.samples_per_environment = 5;
  const auto d = data::federate(subject_source(), s);
  std::set<std::int64_t> seen;
  for (const auto& c : d.clients)
    for (const auto* rows : {c.train.get(), c.holdout.get()}) {
      std::set<std::int64_t> mine;
      for (auto r : *rows) mine.insert(d.pool->subjects[static_cast<std::size_t>(r)]);
      CHECK_FALSE(mine.empty());
      for (auto subject : mine) CHECK(seen.insert(subject).second);
    }
  CHECK(seen.size() == 40);
}

TEST_CASE("poisoned copies carry trigger and label and replace their originals") {
  const auto clean = build(scenario());
  const auto d = build(with_backdoor());
  CHECK(d.backdoor_client == 3);
  CHECK(d.backdoor_target.label == 1);
  const auto& before = *clean.clients[3].train;
  const auto& after = *d.clients[3].train;
  CHECK(before.size() == after.size());
  const auto others =
      std::count_if(before.begin(), before.end(), [&](auto r) { return label(clean, r) != 1; });
  CHECK(d.poisoned == std::llround(0.8 * static_cast<double>(others)));
  CHECK(poisoned_in(d, after) == d.poisoned);
  CHECK(d.poisoned_begin == clean.pool->size());

  // What is missing is what was copied: with the trigger on, the same images.
  Indices missing;
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(missing));
  REQUIRE(static_cast<std::int64_t>(missing.size()) == d.poisoned);
  for (std::int64_t i = 0; i < d.poisoned; ++i) {
    const auto original = missing[static_cast<std::size_t>(i)];
    auto expected = image(d, original);
    data::apply_trigger(expected.data(), 1, 12, 12, with_backdoor().data.backdoor);
    CHECK(image(d, d.poisoned_begin + i) == expected);
    CHECK(label(d, d.poisoned_begin + i) == 1);
    CHECK(label(d, original) != 1);
  }
  // Nobody else notices.
  for (std::size_t c = 0; c < 8; ++c) {
    if (c != 3) CHECK(*d.clients[c].train == *clean.clients[c].train);
    CHECK(*d.clients[c].holdout == *clean.clients[c].holdout);
    CHECK(*d.calibration[c] == *clean.calibration[c]);
  }
}

TEST_CASE("control images are the triggered ones with another trigger, which nobody trains on") {
  const auto d = build(with_backdoor());
  REQUIRE(d.control_test->size() == d.triggered_test->size());
  auto other = with_backdoor().data.backdoor;
  CHECK(data::control_trigger(other).trigger == config::Trigger::blend);
  other.trigger = config::Trigger::blend;
  CHECK(data::control_trigger(other).trigger == config::Trigger::patch);
  for (std::size_t i = 0; i < d.control_test->size(); ++i) {
    const auto triggered = (*d.triggered_test)[i], control = (*d.control_test)[i];
    CHECK(label(d, control) == label(d, triggered));
    CHECK(image(d, control) != image(d, triggered));
    for (const auto& c : d.clients) CHECK(std::count(c.train->begin(), c.train->end(), control) == 0);
  }
  CHECK(build(scenario()).control_test->empty());
}

TEST_CASE("triggered test images leave out the target class and keep their labels") {
  const auto d = build(with_backdoor());
  CHECK(d.triggered_test->size() == 150);
  std::size_t i = 0;
  for (auto r : *d.test) {
    if (label(d, r) == 1) continue;
    const auto triggered = (*d.triggered_test)[i++];
    CHECK(label(d, triggered) == label(d, r));
    CHECK(image(d, triggered) != image(d, r));
    CHECK(image(d, triggered).back() == 255);
  }
}

TEST_CASE("the backdoor's client: as asked, else the first erasure's, else 0") {
  auto s = with_backdoor();
  s.data.backdoor.client = 6;
  CHECK(build(s).backdoor_client == 6);
  s.data.backdoor.client = -1;
  s.erasures.clear();
  CHECK(build(s).backdoor_client == 0);
  s.data.backdoor.client = 8;
  CHECK(
      contains(message_of<DataError>([&] { build(s); }), "data.backdoor.client: value is 8, allowed 0 to 7"));
  s = with_backdoor();
  s.data.backdoor.label = 4;
  CHECK(
      contains(message_of<DataError>([&] { build(s); }), "data.backdoor.label: value is 4, allowed 0 to 3"));
  s = with_backdoor();
  s.data.backdoor.size = 13;
  CHECK(contains(message_of<DataError>([&] { build(s); }), "data.backdoor.size"));
}

TEST_CASE("the same scenario gives the same federation, another seed another") {
  const auto a = build(with_backdoor()), b = build(with_backdoor());
  CHECK(a.pool->pixels == b.pool->pixels);
  CHECK(*a.clients[5].train == *b.clients[5].train);
  CHECK(*a.calibration[5] == *b.calibration[5]);
  auto s = with_backdoor();
  s.scenario.seed = 2;
  const auto c = build(s);
  CHECK(a.pool->pixels != c.pool->pixels);
  CHECK(*a.clients[5].train != *c.clients[5].train);
}

TEST_CASE("a limit cuts the training split of a file" * doctest::test_suite("data")) {
  const auto path = real_data("breastmnist.npz");
  if (!path) return;
  auto s = scenario();
  s.data.source = config::DataSource::npz;
  s.data.path = *path;
  s.data.limit = 200;
  const auto source = data::load_source(s.data, 1, "");
  CHECK(source.train.size() == 200);
  CHECK(std::count(source.train.labels.begin(), source.train.labels.end(), 0) == 54);  // 147 of 546
  CHECK(source.train.pixels.size() == 200 * 784);
}

TEST_CASE("errors of a data section name the key") {
  config::DataSection d;
  d.source = config::DataSource::npz;
  CHECK(contains(message_of<DataError>([&] { data::load_source(d, 1, ""); }), "data.path"));
  d.path = "no-such-file.npz";
  CHECK(contains(message_of<DataError>([&] { data::load_source(d, 1, ""); }), "no-such-file.npz"));
}

TEST_CASE(
    "OASIS by subject, calibrated on other subjects, and BreastMNIST with fewer validation rows than asked" *
    doctest::test_suite("data")) {
  if (const auto path = real_data("oasis_alzheimer_28.npz")) {
    auto s = with_backdoor();
    s.data.source = config::DataSource::npz;
    s.data.path = *path;
    s.partition.scheme = config::PartitionScheme::subject;
    const auto d = build(s);
    CHECK(owned(d).size() == 4480);
    for (const auto& e : d.calibration) CHECK(e->size() == 20);
    s.partition.scheme = config::PartitionScheme::dirichlet;
    CHECK(owned(build(s)).size() == 4480);
  }
  if (const auto path = real_data("breastmnist.npz")) {
    auto s = with_backdoor();
    s.data.source = config::DataSource::npz;
    s.data.path = *path;
    const auto d = build(s);
    for (const auto& e : d.calibration) CHECK(e->size() == 20);
    CHECK(d.val->size() < 10);
  }
}

namespace {

config::Scenario shifted(config::Scenario s) {
  s.partition.shift.contrast = 0.6;
  s.partition.shift.noise = 0.05;
  s.partition.shift.bias_field = 0.5;
  s.partition.shift.resolution = 1;
  return s;
}

/// Who has which row is the same in both.
void check_same_rows(const data::FederatedData& a, const data::FederatedData& b) {
  for (std::size_t c = 0; c < a.clients.size(); ++c) {
    CHECK(*a.clients[c].train == *b.clients[c].train);
    CHECK(*a.clients[c].holdout == *b.clients[c].holdout);
    CHECK(*a.calibration[c] == *b.calibration[c]);
  }
  CHECK(*a.test == *b.test);
  CHECK(a.pool->labels == b.pool->labels);
}

}  // namespace

TEST_CASE("a site's scanner alters its training, held-out and calibration images, and nobody else's") {
  const auto plain = build(scenario()), d = build(shifted(scenario()));
  check_same_rows(plain, d);
  CHECK(plain.sites.empty());
  REQUIRE(d.sites.size() == 8);
  for (std::size_t c = 0; c < 8; ++c)
    for (const auto& rows : {d.clients[c].train, d.clients[c].holdout, d.calibration[c]}) {
      auto expected = *plain.pool;
      data::shift_rows(expected, *rows, d.sites[c], 1);
      for (auto r : *rows) {
        const auto from = expected.pixels.begin() + r * 144;
        CHECK(image(d, r) == std::vector<std::uint8_t>(from, from + 144));
        CHECK(image(d, r) != image(plain, r));
      }
    }
  for (auto r : *d.val) CHECK(image(d, r) == image(plain, r));
  CHECK(build(shifted(scenario())).pool->pixels == d.pool->pixels);
  auto s = shifted(scenario());
  s.scenario.seed = 2;
  CHECK(build(s).sites[0].gamma != d.sites[0].gamma);
}

TEST_CASE("test images have the sites' shifts, an equal share each, or none at all") {
  const auto plain = build(scenario()), d = build(shifted(scenario()));
  const auto parts = data::deal_to_sites(*plain.test, *plain.pool, 8, 1);
  auto expected = *plain.pool;
  for (std::size_t c = 0; c < 8; ++c) {
    CHECK(parts[c].size() == 25);
    data::shift_rows(expected, parts[c], d.sites[c], 1);
  }
  for (auto r : *d.test) {
    const auto from = expected.pixels.begin() + r * 144;
    CHECK(image(d, r) == std::vector<std::uint8_t>(from, from + 144));
  }
  auto s = shifted(scenario());
  s.partition.shift.test = config::TestSites::none;
  const auto none = build(s);
  for (auto r : *none.test) CHECK(image(none, r) == image(plain, r));
  CHECK(image(none, 0) == image(d, 0));
}

TEST_CASE("triggers are put on what the scanner gave: poisoned and held-out samples stay exchangeable") {
  const auto clean = build(shifted(scenario())), d = build(shifted(with_backdoor()));
  const auto trigger = with_backdoor().data.backdoor;
  const auto& before = *clean.clients[3].train;
  Indices missing;
  std::set_difference(before.begin(), before.end(), d.clients[3].train->begin(), d.clients[3].train->end(),
                      std::back_inserter(missing));
  REQUIRE(static_cast<std::int64_t>(missing.size()) == d.poisoned);
  const auto with_trigger = [&](std::int64_t row) {
    auto pixels = image(clean, row);
    data::apply_trigger(pixels.data(), 1, 12, 12, trigger);
    return pixels;
  };
  for (std::int64_t i = 0; i < d.poisoned; ++i)
    CHECK(image(d, d.poisoned_begin + i) == with_trigger(missing[static_cast<std::size_t>(i)]));
  Indices held_out;
  std::set_difference(clean.clients[3].holdout->begin(), clean.clients[3].holdout->end(),
                      d.poisoned_holdout->begin(), d.poisoned_holdout->end(), std::back_inserter(held_out));
  REQUIRE_FALSE(held_out.empty());
  const auto copies = d.poisoned_holdout->end() - static_cast<std::ptrdiff_t>(held_out.size());
  for (std::size_t i = 0; i < held_out.size(); ++i)
    CHECK(image(d, copies[static_cast<std::ptrdiff_t>(i)]) == with_trigger(held_out[i]));
  std::size_t i = 0;
  for (auto r : *d.test)
    if (label(d, r) != 1) CHECK(image(d, (*d.triggered_test)[i++]) == with_trigger(r));
}

TEST_CASE("a validation image of several environments is there once for each scanner") {
  auto s = scenario();
  s.data.val_samples = 40;  // for 8 x 20 places
  const auto plain = build(s), d = build(shifted(s));
  CHECK(plain.calibration_repeats == 120);
  CHECK(d.calibration_repeats == 120);
  CHECK(d.pool->size() == plain.pool->size() + 120);
  std::set<std::int64_t> rows;
  for (std::size_t c = 0; c < 8; ++c) {
    CHECK(d.calibration[c]->size() == plain.calibration[c]->size());
    CHECK(std::is_sorted(d.calibration[c]->begin(), d.calibration[c]->end()));
    for (auto r : *d.calibration[c]) CHECK(rows.insert(r).second);
    std::multiset<std::int64_t> labels, before;
    for (auto r : *d.calibration[c]) labels.insert(label(d, r));
    for (auto r : *plain.calibration[c]) before.insert(label(plain, r));
    CHECK(labels == before);
  }
}

TEST_CASE("clients give held-out images of their own to the calibration, which are no non-members then") {
  auto s = with_backdoor();
  s.erasures.push_back({});  // client 6 asks later
  s.erasures[1].client = 6;
  s.calibration.samples_per_environment = 6;
  const auto plain = build(s);
  s.calibration.source = config::CalibrationSource::clients;
  const auto d = build(s);
  CHECK(d.val->size() == 240);
  CHECK(d.set_aside == 0);
  for (std::size_t c = 0; c < 8; ++c) {
    CHECK(*d.clients[c].train == *plain.clients[c].train);
    const auto &given = *d.calibration[c], &kept = *d.clients[c].holdout, &before = *plain.clients[c].holdout;
    if (c == 3 || c == 6) {  // who asks, now or later, has no image in it
      CHECK(given.empty());
      CHECK(kept == before);
      continue;
    }
    CHECK(given.size() == 6);
    CHECK(kept.size() == 9);
    Indices both;
    std::merge(given.begin(), given.end(), kept.begin(), kept.end(), std::back_inserter(both));
    CHECK(both == before);
  }
  CHECK(*build(s).calibration[0] == *d.calibration[0]);
  s.scenario.seed = 2;
  CHECK(*build(s).calibration[0] != *d.calibration[0]);

  auto site = shifted(s);
  const auto a = build(s), b = build(site);
  check_same_rows(a, b);
  auto expected = *a.pool;
  data::shift_rows(expected, *a.calibration[0], b.sites[0], 2);
  for (auto r : *a.calibration[0]) {
    const auto from = expected.pixels.begin() + r * 144;
    CHECK(image(b, r) == std::vector<std::uint8_t>(from, from + 144));
  }
  CHECK(contains(data::describe_federation(b, site),
                 "scanners   contrast 0.6, noise 0.05, bias field 0.5, resolution 1; test images: divided "
                 "evenly among them"));
  CHECK(contains(data::describe_federation(b, site),
                 fmt::format("\n  7       {:.3f}  {:.3f}", b.sites[7].gamma, b.sites[7].gain)));
  CHECK(contains(data::describe_federation(b, site),
                 "36 of the clients' held-out images in the calibration set"));
}

TEST_CASE("images of a class that is to be forgotten are not given to the calibration") {
  auto s = scenario();
  s.erasures[0].client = -1;
  s.erasures[0].scope = config::Scope::data_class;
  s.erasures[0].label = 2;
  s.calibration.source = config::CalibrationSource::clients;
  s.calibration.samples_per_environment = 5;
  const auto d = build(s);
  for (std::size_t c = 0; c < 8; ++c) {
    CHECK(d.calibration[c]->size() == 5);
    for (auto r : *d.calibration[c]) CHECK(label(d, r) != 2);
  }
}

TEST_CASE("clients that hold out too few images to give are named, with how many they have") {
  auto s = scenario();
  s.calibration.source = config::CalibrationSource::clients;
  const auto message = message_of<DataError>([&] { build(s); });
  CHECK(contains(message, "calibration.source = \"clients\": each is to give 20 held-out images"));
  CHECK(contains(message,
                 "7 of the 7 that ask for no erasure hold out fewer: client 0 has 15, client 1 has 15"));
  CHECK(contains(message, "partition.holdout_fraction (it is 0.15)"));
  s.partition.clients = 40;
  s.calibration.samples_per_environment = 4;
  CHECK(contains(message_of<DataError>([&] { build(s); }), "client 8 has 3, and 31 more; allowed"));
}

TEST_CASE("subjects give all of their images to the calibration or none, and what is over counts nowhere") {
  auto s = scenario();
  s.partition.clients = 4;
  s.partition.scheme = config::PartitionScheme::subject;
  s.partition.holdout_fraction = 0.5;
  s.calibration.source = config::CalibrationSource::clients;
  s.calibration.samples_per_environment = 9;  // of two subjects with six images
  const auto d = data::federate(subject_source(), s);
  CHECK(d.set_aside == 9);
  CHECK(d.calibration[3]->empty());
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(d.calibration[c]->size() == 9);
    std::set<std::int64_t> given, others;
    for (auto r : *d.calibration[c]) given.insert(d.pool->subjects[static_cast<std::size_t>(r)]);
    for (const auto& rows : {d.clients[c].train, d.clients[c].holdout})
      for (auto r : *rows) others.insert(d.pool->subjects[static_cast<std::size_t>(r)]);
    CHECK(given.size() == 2);
    for (auto subject : given) CHECK(others.count(subject) == 0);
  }
  const auto notes = data::federation_notes(d, s);
  REQUIRE(notes.size() == 1);
  CHECK(contains(notes[0], "9 held-out images are neither non-members nor calibrate"));
}
