// Images with any number of labels: readers, what divides them, triggers.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "base/random.hpp"
#include "config/scenario.hpp"
#include "data/describe.hpp"
#include "data/federated.hpp"
#include "data/label_set.hpp"
#include "data/manifest.hpp"
#include "data/medmnist.hpp"
#include "data/medmnist_catalogue.hpp"
#include "data/phantom.hpp"
#include "data/strata.hpp"
#include "tests/data/image_files.hpp"
#include "tests/data/medical_files.hpp"

using namespace afu;
using namespace afu::test;
using data::DataError;
using Sets = std::vector<std::int64_t>;

namespace {

bool told(const data::Source& source, const std::string& part) {
  return std::any_of(source.notes.begin(), source.notes.end(),
                     [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

/// `n` images of 2 x 2 with so many labels, drawn.
std::pair<std::string, std::string> drawn_split(std::int64_t n, std::int64_t labels, std::uint64_t split) {
  base::Stream stream({1, base::purpose("test.multi_label"), split, 0});
  std::string images, rows;
  for (std::int64_t i = 0; i < 4 * n; ++i) images += static_cast<char>(stream.below(256));
  for (std::int64_t i = 0; i < n * labels; ++i) rows += static_cast<char>(stream.uniform() < 0.2 ? 1 : 0);
  return {npy("|u1", fmt::format("({}, 2, 2)", n), images),
          npy("|u1", fmt::format("({}, {})", n, labels), rows)};
}

std::map<std::string, std::string> drawn_set(std::int64_t labels = 14) {
  std::map<std::string, std::string> members;
  std::uint64_t split = 0;
  for (const auto& [name, n] : {std::pair{"train", 60}, {"val", 20}, {"test", 20}}) {
    const auto [images, rows] = drawn_split(n, labels, split++);
    members[std::string(name) + "_images"] = images;
    members[std::string(name) + "_labels"] = rows;
  }
  return members;
}

data::Source load(const std::map<std::string, std::string>& members,
                  config::DataTask task = config::DataTask::auto_, const std::string& name = "set.npz") {
  TempFolder folder;
  std::vector<ZipMember> list;
  for (const auto& [key, bytes] : members) list.push_back({key + ".npy", bytes});
  write_zip(folder / name, list);
  config::DataSection section;
  section.task = task;
  return data::load_medmnist(folder / name, section);
}

std::string refusal(const std::string& labels, config::DataTask task = config::DataTask::auto_) {
  auto members = drawn_set();
  members["train_labels"] = labels;
  return message_of<DataError>([&] { load(members, task); });
}

config::Scenario phantoms() {
  config::Scenario s;
  s.data.task = config::DataTask::multi_label;
  s.data.image_size = 10;
  s.data.classes = 4;
  s.data.train_samples = 300;
  s.data.val_samples = 90;
  s.data.test_samples = 60;
  s.partition.clients = 4;
  s.partition.scheme = config::PartitionScheme::dirichlet;
  s.partition.min_samples = 10;
  s.calibration.samples_per_environment = 5;
  return s;
}

data::FileSet files_of(const std::string& text, config::DataTask task = config::DataTask::auto_) {
  config::DataSection s;
  s.source = config::DataSource::manifest;
  s.task = task;
  return data::files_of_manifest(base::parse_table(text, "sets/list.csv"), "sets/list.csv", s);
}

}  // namespace

TEST_CASE("label sets: members, size, one more") {
  CHECK(data::labels_in(0) == 0);
  CHECK(data::labels_in(0b1011) == 3);
  CHECK(data::has_label(0b1010, 1));
  CHECK_FALSE(data::has_label(0b1010, 0));
  CHECK(data::with_label(0b1010, 0) == 0b1011);
  CHECK(data::with_label(0b1010, 1) == 0b1010);
  const auto all = (std::int64_t{1} << data::most_labels) - 1;
  CHECK(all > 0);
  CHECK(data::labels_in(all) == data::most_labels);
}

TEST_CASE("ChestMNIST's form, N x 14, is read as sets of labels with its names") {
  auto members = drawn_set();
  const auto s = load(members, config::DataTask::auto_, "chestmnist.npz");
  REQUIRE(s.multi_label());
  CHECK(s.classes() == 14);
  CHECK(s.train.label_bits == 14);
  CHECK(s.test.label_bits == 14);
  CHECK(s.class_names == data::official_file_by_stem("chestmnist").set->class_names);
  CHECK(contains(s.official, "not the official chestmnist"));
  base::Stream stream({1, base::purpose("test.multi_label"), 0, 0});
  for (int i = 0; i < 240; ++i) stream.below(256);
  for (std::int64_t i = 0; i < 60; ++i)
    for (std::int64_t l = 0; l < 14; ++l)
      CHECK(data::has_label(s.train.labels[static_cast<std::size_t>(i)], l) == (stream.uniform() < 0.2));
  CHECK(load(drawn_set(5)).class_names.back() == "label 4");
  CHECK(load(members, config::DataTask::multi_label).multi_label());
}

TEST_CASE("what are no sets of labels is refused, by row and column") {
  CHECK(contains(refusal(npy("|u1", "(60, 2)", std::string(119, '\1') + '\2')),
                 "train_labels: row 59, column 1: 2, allowed are 0 and 1"));
  CHECK(contains(refusal(npy("|i1", "(60, 2)", std::string(119, '\1') + '\xff')), "row 59, column 1: -1"));
  CHECK(contains(refusal(npy("|u1", "(60, 63)", std::string(3780, '\1'))),
                 "63 labels an image, allowed are 62"));
  CHECK(contains(refusal(npy("|u1", "(59, 14)", std::string(826, '\1'))), "does not match 60 images"));
  CHECK(contains(refusal(npy("<f4", "(60, 2)", std::string(480, '\0'))),
                 "allowed: signed and unsigned integers"));
  CHECK(contains(refusal(npy("|u1", "(60, 2)", std::string(60, '\1') + std::string(60, '\0'))),
                 "val_labels: 14 labels an image, but train_labels has 2"));
  CHECK(contains(refusal(npy("|u1", "(60, 14)", std::string(840, '\0'))),
                 "every training image has the same labels"));
  CHECK(contains(refusal(npy("|u1", "(60, 14)", std::string(840, '\0')), config::DataTask::classes),
                 "data.task = \"classes\" asks for N or N x 1"));
  CHECK(contains(refusal(npy("|u1", "(60, 1)", std::string(60, '\0')), config::DataTask::multi_label),
                 "asks for N x labels"));
}

TEST_CASE("what one number an image would say better is told, and labels that nobody has") {
  auto members = drawn_set(3);
  std::string rows;
  for (int i = 0; i < 60; ++i) rows += i % 2 ? std::string("\1\0\0", 3) : std::string("\0\1\0", 3);
  members["train_labels"] = npy("|u1", "(60, 3)", rows);
  const auto s = load(members);
  CHECK(told(s, "exactly one label"));
  CHECK(told(s, "no training image has label 2 (label 2)"));
}

TEST_CASE("a manifest with several labels a row, or none") {
  const auto set = files_of(
      "path,label\n"
      "a.png,mass | edema\n"
      "b.png,\n"
      "c.png,edema\n"
      "d.png,|\n"
      "e.png,mass|mass\n");
  CHECK(set.label_bits == 2);
  CHECK(set.class_names == std::vector<std::string>{"edema", "mass"});
  REQUIRE(set.rows.size() == 4);
  Sets labels;
  for (const auto& r : set.rows) labels.push_back(r.label);
  CHECK(labels == Sets{0b11, 0, 0b01, 0});
  REQUIRE(set.unusable.size() == 1);
  CHECK(contains(set.unusable[0].text, "sets/list.csv:6: its label names \"mass\" twice"));

  const auto numbers = files_of("path,label\na.png,3|0\nb.png,1\n");
  CHECK(numbers.label_bits == 4);
  CHECK(numbers.rows[0].label == 0b1001);
  CHECK(numbers.class_names.back() == "label 3");

  CHECK(files_of("path,label\na.png,x\nb.png,y\n").label_bits == 0);
  CHECK(files_of("path,label\na.png,x\nb.png,y\n", config::DataTask::multi_label).label_bits == 2);
  const auto one = files_of("path,label\na.png,x|y\nb.png,y\n", config::DataTask::classes);
  CHECK(one.label_bits == 0);
  CHECK(contains(one.unusable.at(0).text, "data.task = \"classes\" asks for one class an image"));
  CHECK(contains(message_of<DataError>([] { files_of("path,label\na.png,x|\n"); }), "1 different labels"));
}

TEST_CASE("a manifest of files with any number of labels is split by label set and loaded") {
  TempFolder folder;
  std::string text = "path,label\n";
  for (int i = 0; i < 60; ++i) {
    std::vector<std::uint8_t> pixels(64, static_cast<std::uint8_t>(3 * i));
    write_png(folder / fmt::format("{:02}.png", i), 8, 8, pixels);
    text += fmt::format("{:02}.png,{}\n", i, i % 3 == 0 ? "a|b" : i % 3 == 1 ? "b" : "");
  }
  write_file(folder / "list.csv", text);
  config::DataSection s;
  s.source = config::DataSource::manifest;
  s.image_size = 8;
  s.val_fraction = 0.2;
  s.test_fraction = 0.2;
  const auto source = data::load_manifest(folder / "list.csv", s, 1);
  REQUIRE(source.multi_label());
  for (const auto* images : {&source.val, &source.test}) {
    std::map<std::int64_t, int> counts;
    for (auto set : images->labels) ++counts[set];
    CHECK(counts == std::map<std::int64_t, int>{{0, 4}, {0b10, 4}, {0b11, 4}});
  }
}

TEST_CASE("strata: classes as they are; label sets, of which the rare ones are one") {
  CHECK(data::strata({3, 1, 3}, 0) == Sets{3, 1, 3});
  Sets sets(12, 0b101);
  sets.insert(sets.end(), 10, 0b010);
  sets.insert(sets.end(), 9, 0b111);
  sets.push_back(0b001);
  const auto strata = data::strata(sets, 3);
  CHECK(strata[0] == 1);
  CHECK(strata[12] == 0);
  CHECK(strata[22] == 2);
  CHECK(strata.back() == 2);
  const auto all = data::label_sets(sets);
  CHECK(all.sets == 4);
  CHECK(all.rare == 2);
  CHECK(all.rare_images == 10);
}

TEST_CASE(
    "phantoms with any number of findings: drawn from the seed, each as often, and seen in the pixels") {
  auto s = phantoms().data;
  const auto images = data::make_phantoms(600, 0, s, 5);
  CHECK(images.label_bits == 4);
  for (std::int64_t l = 0; l < 4; ++l) {
    const auto n = std::count_if(images.labels.begin(), images.labels.end(),
                                 [&](std::int64_t set) { return data::has_label(set, l); });
    CHECK(n > 130);
    CHECK(n < 230);
  }
  CHECK(std::set<std::int64_t>(images.labels.begin(), images.labels.end()).size() == 16);
  const auto fewer = data::make_phantoms(10, 0, s, 5);
  CHECK(std::equal(fewer.pixels.begin(), fewer.pixels.end(), images.pixels.begin()));
  const auto source = data::make_phantom_source(s, 5);
  CHECK(source.class_names == std::vector<std::string>{"nodule", "effusion", "miliary", "cavity"});
  // An effusion is bright: its images are, on the mean.
  s.difficulty = 0;
  const auto easy = data::make_phantoms(400, 0, s, 5);
  double sum[2]{}, count[2]{};
  for (std::int64_t i = 0; i < easy.size(); ++i) {
    const bool has = data::has_label(easy.labels[static_cast<std::size_t>(i)], 1);
    const auto* p = easy.pixels.data() + i * easy.image_bytes();
    sum[has] += std::accumulate(p, p + easy.image_bytes(), 0.0);
    ++count[has];
  }
  CHECK(sum[1] / count[1] > sum[0] / count[0]);
  s.classes = 10;
  CHECK(contains(message_of<DataError>([&] { data::make_phantoms(1, 0, s, 5); }), "allowed 2 to 9"));
}

TEST_CASE("every scheme but pathological divides label sets, each row once, with environments") {
  using Scheme = config::PartitionScheme;
  for (const auto scheme : {Scheme::iid, Scheme::dirichlet, Scheme::dirichlet_client}) {
    auto s = phantoms();
    s.partition.scheme = scheme;
    CAPTURE(config::name_of(scheme));
    const auto source = data::load_source(s.data, 3, "");
    const auto federated = data::federate(source, s);
    REQUIRE(federated.multi_label());
    std::vector<std::int64_t> rows;
    for (const auto& c : federated.clients)
      for (const auto& part : {c.train, c.holdout}) rows.insert(rows.end(), part->begin(), part->end());
    std::sort(rows.begin(), rows.end());
    std::vector<std::int64_t> all(300);
    std::iota(all.begin(), all.end(), 0);
    CHECK(rows == all);
    CHECK(federated.calibration.size() == 4);
  }
  auto s = phantoms();
  s.partition.scheme = Scheme::pathological;
  const auto source = data::load_source(s.data, 3, "");
  CHECK(contains(message_of<DataError>([&] { data::federate(source, s); }), "which deals out classes"));
}

TEST_CASE("a trigger adds the target label and keeps the others; images that carry it are left out") {
  auto s = phantoms();
  s.data.backdoor.trigger = config::Trigger::patch;
  s.data.backdoor.size = 2;
  s.data.backdoor.label = 2;
  s.data.backdoor.client = 1;
  s.data.backdoor.fraction = 0.5;
  const auto source = data::load_source(s.data, 3, "");
  const auto f = data::federate(source, s);
  REQUIRE(f.poisoned > 0);
  const auto label = [&](std::int64_t row) { return f.pool->labels[static_cast<std::size_t>(row)]; };
  for (std::int64_t i = 0; i < f.poisoned; ++i) {
    const auto original = label(f.poisoned_originals[static_cast<std::size_t>(i)]);
    CHECK_FALSE(data::has_label(original, 2));
    CHECK(label(f.poisoned_begin + i) == (original | 0b100));
  }
  for (auto r : *f.triggered_test) CHECK_FALSE(data::has_label(label(r), 2));
  CHECK(f.backdoor_target.evoked(0b110, 0b010));
  CHECK(f.backdoor_target.evoked(0b100, 0b010));  // whatever it says of the others
  CHECK_FALSE(f.backdoor_target.evoked(0b010, 0b010));
  CHECK_FALSE(f.backdoor_target.evoked(-1, 0b010));
  CHECK(contains(data::describe_federation(f, s), "label 2 beside their own"));
  s.data.backdoor.mapping = config::TargetMapping::all_to_all;
  CHECK(
      contains(message_of<DataError>([&] { data::federate(source, s); }), "none comes after an image's own"));
}

TEST_CASE("what afu data tells of sets of labels") {
  const auto s = phantoms();
  const auto source = data::load_source(s.data, 3, "");
  const auto text = data::describe_source(source);
  CHECK(contains(text, "labels     4, any number an image (multi-label): "));
  CHECK(contains(text, "label 3"));
  CHECK(text.find("class 0") == std::string::npos);
  const auto federation = data::describe_federation(data::federate(source, s), s);
  CHECK(contains(federation, "different label sets, whose mix the partition"));
}
