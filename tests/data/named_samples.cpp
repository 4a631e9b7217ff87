#include "data/named_samples.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "config/scenario.hpp"
#include "data/federated.hpp"
#include "data/patients.hpp"
#include "data/requests.hpp"
#include "tests/data/support.hpp"

using namespace afu;
using namespace afu::test;
using data::DataError;
using data::Indices;
using Names = std::vector<std::string>;

namespace {

/// Images of one pixel: a training image each of `subjects`, at the site `sites` says; subject 9 is tested.
data::Source source(const std::vector<std::int64_t>& subjects, const std::vector<std::int64_t>& sites) {
  data::Source s;
  s.name = "some";
  s.class_names = {"a", "b"};
  s.site_names = {"Gent", "Leiden", "Utrecht"};
  for (auto subject : subjects) s.subject_names[subject] = "p" + std::to_string(subject);
  s.subject_names[9] = "p9";
  const auto fill = [&](data::Images& images, const std::vector<std::int64_t>& who, const char* folder) {
    images.height = images.width = 1;
    images.subjects = who;
    images.pixels.assign(who.size(), 0);
    for (std::size_t i = 0; i < who.size(); ++i) {
      images.labels.push_back(static_cast<std::int64_t>(i % 2));
      images.ids.push_back(std::string(folder) + "/" + std::to_string(i) + ".png");
    }
  };
  fill(s.train, subjects, "train");
  fill(s.val, {9, 9}, "val");
  fill(s.test, {9}, "test");
  s.train.sites = sites;
  s.ids_left_out = {"bad/0.png"};
  return s;
}

/// Subject 1 at sites 0 and 2, 2 at site 1, 3 at site 1.
data::Source three_sites() { return source({1, 1, 2, 2, 3, 1, 4, 4, 5}, {0, 0, 1, 1, 1, 2, 2, 2, 0}); }

config::Scenario scenario(std::vector<config::Erasure> erasures) {
  config::Scenario s;
  s.partition.scheme = config::PartitionScheme::site;
  s.partition.clients = 3;
  s.partition.holdout_fraction = 0;
  s.calibration.samples_per_environment = 1;
  s.erasures = std::move(erasures);
  return s;
}

config::Erasure of_subjects(Names names, std::int64_t client = -1) {
  config::Erasure e;
  e.scope = config::Scope::subject;
  e.subjects = std::move(names);
  e.client = client;
  e.at_update = 10;
  return e;
}
config::Erasure of_file(const std::string& file, std::int64_t client = -1) {
  config::Erasure e;
  e.scope = config::Scope::samples;
  e.file = file;
  e.client = client;
  e.at_update = 10;
  return e;
}

struct Named {
  std::vector<config::Erasure> erasures;
  Names notes;
  bool told(const std::string& part) const {
    return std::any_of(notes.begin(), notes.end(), [&](const auto& n) { return contains(n, part); });
  }
};
Named named(const data::Source& from, const config::Scenario& s) {
  Named n;
  n.erasures = data::name_requests(from, std::make_shared<const config::Scenario>(s), n.notes)->erasures;
  return n;
}
std::string refusal(const data::Source& from, std::vector<config::Erasure> erasures) {
  return message_of<DataError>([&] { named(from, scenario(std::move(erasures))); });
}

}  // namespace

TEST_CASE("a scenario that names no samples is handed on") {
  const auto s = std::make_shared<const config::Scenario>(scenario({}));
  Names notes;
  CHECK(data::name_requests(three_sites(), s, notes) == s);
}

TEST_CASE("a subject is asked for where it is, or at the client that asks") {
  const auto from = three_sites();
  const auto one = named(from, scenario({of_subjects({"p2"})}));
  REQUIRE(one.erasures.size() == 1);
  CHECK(one.erasures[0].client == 1);
  CHECK(one.erasures[0].rows == Indices{2, 3});
  CHECK(one.notes.empty());

  const auto both = named(from, scenario({of_subjects({"p1"}), of_subjects({"p2", "p3"})}));
  REQUIRE(both.erasures.size() == 3);
  CHECK(both.erasures[0].client == 0);
  CHECK(both.erasures[0].rows == Indices{0, 1});
  CHECK(both.erasures[1].client == 2);
  CHECK(both.erasures[1].rows == Indices{5});
  CHECK(both.erasures[2].rows == Indices{2, 3, 4});
  CHECK(both.told("erasure[0] is asked of 2 clients, client 0 (2 samples), client 2 (1 sample)"));
  CHECK(both.told("erasure[1] is of client 1 (3 samples): in what the run writes it is erasure[2]"));
  const auto s = scenario(both.erasures);
  CHECK(data::same_request(s, 0, 1));
  CHECK_FALSE(data::same_request(s, 0, 2));

  const auto here = named(from, scenario({of_subjects({"p1"}, 2)}));
  REQUIRE(here.erasures.size() == 1);
  CHECK(here.erasures[0].rows == Indices{5});
  CHECK(here.told("client 2 asks, and 2 samples of it stay at others"));
  // Once more, nothing changes.
  CHECK(named(from, scenario(both.erasures)).erasures.size() == 3);
}

TEST_CASE("subjects that nobody knows, or trains on, are refused with what there is") {
  const auto from = three_sites();
  CHECK(refusal(from, {of_subjects({"p22"})}) ==
        "erasure[0].subject: \"p22\" is unknown, did you mean \"p2\"?");
  CHECK(
      refusal(from, {of_subjects({"p1", "nobody"})}) ==
      "erasure[0].subject[1]: \"nobody\" is unknown, allowed are the 6 subjects of the data: \"p1\", \"p2\", "
      "\"p3\", \"p4\", \"p5\", ...");
  CHECK(
      refusal(from, {of_subjects({"p9"})}) ==
      "erasure[0].subject: nobody trains on a sample of it, 3 in the validation or the test split: nothing is to be "
      "forgotten");
  CHECK(refusal(from, {of_subjects({"p1"}, 1)}) ==
        "erasure[0].client: value is 1, which trains on no sample of it, allowed are 0, 2");
  auto none = three_sites();
  for (auto* images : {&none.train, &none.val, &none.test}) images->subjects.clear();
  CHECK(contains(refusal(none, {of_subjects({"p1"})}), "the data tell no subjects"));
  // What nobody trains on beside what somebody does is told.
  CHECK(named(from, scenario({of_subjects({"p2", "p9"})}))
            .told("of what it names nobody trains on 3 in the validation or the test split"));
}

TEST_CASE("a PatientID that is hidden is not repeated, and its name is told") {
  TempFolder folder;
  auto from = three_sites();
  auto s = scenario({of_subjects({"Jane Doe 1950"})});
  s.data.patients = config::PatientNames::hashed;
  s.data.patient_salt_file = folder / "salt";
  write_file(folder / "salt", "salt");
  const auto name = data::Patients(s.data).name_of("Jane Doe 1950");
  const auto why = [&] { return message_of<DataError>([&] { named(from, s); }); };
  CHECK(
      why() ==
      "erasure[0].subject: what is given is no subject of the data, which data.patients = \"hashed\" calls \"pid-...\"");
  from.subject_names[1] = name;
  CHECK(
      why() ==
      "erasure[0].subject: what is given is a PatientID, which data.patients = \"hashed\" keeps out of every output, "
      "allowed is \"" +
          name + "\"");
  s.erasures = {of_subjects({name})};
  CHECK(named(from, s).erasures.size() == 2);
}

TEST_CASE("a file names samples by their paths, and each unknown one has its line") {
  TempFolder folder;
  const auto from = three_sites();
  const auto file = [&](const std::string& text) {
    write_file(folder / "ids.csv", text);
    return folder / "ids.csv";
  };
  const auto some =
      named(from, scenario({of_file(file("id,why\ntrain/4.png,a\ntrain/0.png,b\ntrain/4.png,c\n"))}));
  REQUIRE(some.erasures.size() == 2);
  CHECK(some.erasures[0].rows == Indices{0});
  CHECK(some.erasures[1].rows == Indices{4});
  CHECK(some.told("erasure[0].file: 1 of its 3 ids stand there more than once"));
  const auto elsewhere =
      named(from, scenario({of_file(file("id\ntrain/2.png\nval/1.png\ntest/0.png\nbad/0.png\n"))}));
  CHECK(elsewhere.told("nobody trains on 2 in the validation or the test split, 1 of no split"));

  const auto wrong = refusal(from, {of_file(file("id\ntrain/2.png\ntrain/2.pn\n"))});
  CHECK(wrong ==
        "erasure[0].file: " + (folder / "ids.csv") +
            ":3: column \"id\": \"train/2.pn\" is no image of the data, did you mean \"train/2.png\"?");
  CHECK(contains(refusal(from, {of_file(file("id\n2.png\n"))}),
                 "\"2.png\" is no image of the data, did you mean \"train/2.png\"?"));
  CHECK(contains(refusal(from, {of_file(file("name\ntrain/2.png\n"))}), "has no column \"id\""));
  CHECK(contains(refusal(from, {of_file(file("id,x\ntrain/2.png\n"))}),
                 ":2: 1 cells are given, allowed are 2"));
  CHECK(contains(refusal(from, {of_file(file("id\n"))}), "names no sample"));
  CHECK(contains(refusal(from, {of_file(folder / "none.csv")}), "no such file"));
  std::string many = "id\n";
  for (int i = 0; i < 20; ++i) many += "nothing" + std::to_string(i) + "\n";
  CHECK(contains(refusal(from, {of_file(file(many))}), "the 12 ids behind these were not looked at"));
}

TEST_CASE("where images are no files a sample is a row of the training split, also of a part of it") {
  TempFolder folder;
  auto from = three_sites();
  for (auto* images : {&from.train, &from.val, &from.test}) images->ids.clear();
  write_file(folder / "ids.csv", "id\n3\n");
  const auto e = of_file(folder / "ids.csv");
  CHECK(named(from, scenario({e})).erasures.at(0).rows == Indices{3});
  from.limited_to = {1, 3, 5, 7, 9, 11, 13, 15, 17};
  from.rows_before_limit = 18;
  CHECK(named(from, scenario({e})).erasures.at(0).rows == Indices{1});
  write_file(folder / "ids.csv", "id\n3\n4\n");
  CHECK(named(from, scenario({e})).told("nobody trains on 1 of no split"));
  for (const auto* id : {"18", "-1", "3x", "1.0"}) {
    write_file(folder / "ids.csv", std::string("id\n") + id + "\n");
    CHECK(contains(refusal(from, {e}), "is no row of the training split, allowed are 0 to 17"));
  }
}

TEST_CASE("named samples that a request before took are not taken again, and a fraction takes others") {
  data::FederatedData d;
  auto pool = std::make_shared<data::Images>();
  pool->labels.assign(12, 0);
  d.pool = pool;
  d.class_names = {"a", "b"};
  d.clients.push_back({std::make_shared<const Indices>(Indices{0, 1, 2, 3, 4, 5, 6, 7, 10, 11}), nullptr});
  d.poisoned_begin = 10;  // copies of 8 and 9
  d.poisoned = 2;
  d.poisoned_originals = {8, 9};
  const auto e = [](Indices rows) {
    auto request = of_subjects({"p"}, 0);
    request.rows = std::move(rows);
    return request;
  };
  config::Erasure half;
  half.scope = config::Scope::samples;
  half.client = 0;
  half.fraction = 0.5;
  half.at_update = 10;
  auto s = scenario({e({1, 2, 8}), e({2, 3, 8}), half});
  Names notes;
  const auto rows = data::requested_rows(d, s, &notes);
  CHECK(*rows[0] == Indices{1, 2, 10});  // the poisoned copy in its original's place
  CHECK(*rows[1] == Indices{3});
  CHECK(rows[2]->size() == 5);
  for (auto r : {1, 2, 3, 10}) CHECK_FALSE(std::binary_search(rows[2]->begin(), rows[2]->end(), r));
  CHECK(std::binary_search(rows[2]->begin(), rows[2]->end(), 11));  // the poisoned first
  REQUIRE(notes.size() == 1);
  CHECK(
      notes[0] ==
      "erasure[1]: of the 3 training samples of client 0 that it names 1 are left, the others are taken by requests "
      "before it: 2 by erasure[0]");
  s = scenario({e({1, 2}), e({1, 2})});
  CHECK(contains(
      message_of<DataError>([&] { data::requested_rows(d, s); }),
      "erasure[1]: all 2 training samples of client 0 that it names are taken by requests before it (2 by "
      "erasure[0]): nothing is left for it"));
}
