#include "data/image_folder.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>

#include "config/sections/data.hpp"
#include "data/split.hpp"
#include "tests/data/image_files.hpp"

using namespace afu;
using namespace afu::test;
using data::DataError;

namespace {

/// Whether one of the notes says so.
bool told(const data::Source& source, const std::string& part) {
  return std::any_of(source.notes.begin(), source.notes.end(),
                     [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

config::DataSection section(std::int64_t side = 8, std::int64_t channels = 1) {
  config::DataSection s;
  s.source = config::DataSource::image_folder;
  s.image_size = side;
  s.channels = channels;
  return s;
}

std::set<std::int64_t> subjects_of(const data::Images& images) {
  return {images.subjects.begin(), images.subjects.end()};
}

}  // namespace

TEST_CASE("class folders with spaces are read in order, other files left out and counted") {
  TempFolder folder;
  for (const char* name : {"b second class", "A first"}) {
    fs::create_directories(folder / name);
    for (int i = 0; i < 10; ++i)
      write_flat_png(folder / name + "/" + std::to_string(i) + (i % 2 ? ".png" : ".PNG"),
                     name[0] == 'A' ? 10 : 200);
    write_file(folder / name + "/notes.txt", "not an image");
    write_file(folder / name + "/.hidden.png", "not an image either");
  }
  write_file(folder / "list.csv", "beside the class folders");
  const auto s = data::load_image_folder(folder.string(), section(), 1);
  CHECK(s.class_names == std::vector<std::string>{"A first", "b second class"});
  CHECK(s.train.size() == 14);
  CHECK(s.val.size() == 2);
  CHECK(s.test.size() == 4);
  for (const auto* images : {&s.train, &s.val, &s.test}) {
    CHECK(std::count(images->labels.begin(), images->labels.end(), 0) * 2 == images->size());
    for (std::int64_t i = 0; i < images->size(); ++i)
      CHECK(images->pixels[static_cast<std::size_t>(i * 64)] ==
            (images->labels[static_cast<std::size_t>(i)] ? 200 : 10));
  }
  CHECK(s.train.subjects.empty());
  CHECK(told(s, "2 files in the class folders are no images by their names and were left out: 2 .txt"));
  CHECK(told(s, "1 files beside the class folders were left out"));
  CHECK(told(s, "2 hidden files and folders were left out"));
  CHECK(told(s, "no file name tells a subject (the pattern is OASn_nnnn_"));
  CHECK(told(s, "2 of 2 validation images have the same pixels as one of the training images"));
  CHECK(told(s, "4 of 4 test images have the same pixels as one of the training images"));
  CHECK(told(s, "4 of 4 test images have the same pixels as one of the validation images"));
  CHECK(s.notes.size() == 7);
}

TEST_CASE("the subject stands in OASIS's file names") {
  CHECK(data::subject_of_name("OAS1_0171_MR1_mpr-1_102.jpg") == 10171);
  CHECK(data::subject_of_name("OAS1_0171_MR2_mpr-4_160.jpg") == 10171);
  CHECK(data::subject_of_name("OAS2_0171_MR1_mpr-1_102.jpg") == 20171);
  for (const char* name :
       {"OAS1_171_MR1.jpg", "OAS1_01x1_MR1.jpg", "scan.jpg", "", "OASX_0171_MR1.jpg", "OAS1_0171"})
    CHECK_FALSE(data::subject_of_name(name));
}

TEST_CASE("subjects stay in one split; a class of two has one in train and one in test") {
  TempFolder folder;
  const std::map<std::string, int> classes{{"many", 10}, {"two", 2}};
  int subject = 1;
  for (const auto& [name, count] : classes) {
    fs::create_directories(folder / name);
    for (int i = 0; i < count; ++i, ++subject)
      for (int slice = 0; slice < 6; ++slice)
        write_flat_png(folder / name + fmt::format("/OAS1_{:04}_MR1_mpr-1_{}.png", subject, 100 + slice),
                       static_cast<std::uint8_t>(6 * subject + slice));
  }
  const auto s = data::load_image_folder(folder.string(), section(), 3);
  CHECK(data::shared_subjects(s).empty());
  CHECK(subjects_of(s.train).size() == 8);
  CHECK(subjects_of(s.val).size() == 1);
  CHECK(subjects_of(s.test).size() == 3);
  CHECK(std::count(s.train.labels.begin(), s.train.labels.end(), 1) == 6);
  CHECK(std::count(s.test.labels.begin(), s.test.labels.end(), 1) == 6);

  auto by_image = section();
  by_image.split_by_subject = false;
  const auto mixed = data::load_image_folder(folder.string(), by_image, 3);
  CHECK(mixed.train.subjects.size() == static_cast<std::size_t>(mixed.train.size()));
  CHECK_FALSE(data::shared_subjects(mixed).empty());

  CHECK(mixed.notes ==
        std::vector<std::string>{fmt::format("{} subjects stand in the validation split and in another one",
                                             subjects_of(mixed.val).size())});

  // One name without a subject: refused, or told where images are split anyway.
  write_flat_png(folder / "two/other.png", 1);
  const auto message = message_of<DataError>([&] { data::load_image_folder(folder.string(), section(), 3); });
  CHECK(contains(message, "1 of 73 file names tell no subject (the first is " + (folder / "two/other.png")));
  CHECK(contains(message, "set data.split_by_subject = false"));
  const auto stray = data::load_image_folder(folder.string(), by_image, 3);
  CHECK(stray.train.subjects.empty());
  CHECK(told(stray, "1 of 73 file names tell no subject"));
}

TEST_CASE("images of formats that are not read are named and counted") {
  TempFolder folder;
  for (const char* name : {"a", "b"}) {
    fs::create_directories(folder / name);
    for (int i = 0; i < 5; ++i) write_flat_png(folder / name + "/" + std::to_string(i) + ".png", 9);
  }
  for (const char* name : {"1.mha", "2.mha", "3.JP2", "4.nrrd"}) write_file(folder / "b/" + name, "x");
  const auto message = message_of<DataError>([&] { data::load_image_folder(folder.string(), section(), 1); });
  CHECK(message.find(folder.string() +
                     ": 4 of 14 files cannot be used, allowed is a share of 0 (data.unusable_share):\n  " +
                     (folder / "b/1.mha: .mha images are not read")) == 0);
  CHECK(contains(message, "\n  " + (folder / "b/3.JP2: .JP2 images are not read")));
  auto some = section();
  some.unusable_share = 0.3;
  const auto left = data::load_image_folder(folder.string(), some, 1);
  CHECK(left.train.size() + left.val.size() + left.test.size() == 10);
  CHECK(told(left, "4 of 14 files cannot be used and were left out (data.unusable_share is 0.3)"));
  CHECK(told(left, "left out: " + (folder / "b/4.nrrd: .nrrd images are not read")));
}

TEST_CASE("what happened to images on the way is counted") {
  TempFolder folder;
  for (const char* name : {"a", "b"}) {
    fs::create_directories(folder / name);
    for (int i = 0; i < 4; ++i) write_flat_png(folder / name + "/" + std::to_string(i) + ".png", 9);
  }
  PngForm turned, colour;
  turned.exif = exif_with(6);
  colour.type = PNG_COLOR_TYPE_RGB;
  write_png(folder / "a/turned.png", 8, 16, std::vector<std::uint8_t>(128, 7), turned);
  write_png(folder / "b/colour.png", 8, 8, std::vector<std::uint8_t>(192, 7), colour);
  JpegForm odd;
  odd.app1 = std::string("Exif\0\0nonsense", 14);
  write_jpeg(folder / "b/odd.jpg", 8, 8, std::vector<std::uint8_t>(64, 7), odd);
  const auto grey = data::load_image_folder(folder.string(), section(), 1);
  CHECK(told(grey, "1 of 11 images were turned upright"));
  CHECK(told(grey, "1 of 11 images are not square and were resized to 8 x 8"));
  CHECK(told(grey, "1 of 11 images are stored in colour and were made grey"));
  CHECK(told(grey, "1 of 11 images have something odd that was passed over, the first is " +
                       (folder / "b/odd.jpg") + ": its EXIF block is damaged"));
  CHECK(told(data::load_image_folder(folder.string(), section(8, 3), 1),
             "1 of 11 images are stored in colour, the others in grey"));
}

TEST_CASE("training images of a single class are refused") {
  TempFolder folder;
  for (const char* name : {"a", "b"}) {
    fs::create_directories(folder / name);
    for (int i = 0; i < 5; ++i) write_flat_png(folder / name + "/" + std::to_string(i) + ".png", 9);
  }
  auto one = section();
  one.limit = 1;
  CHECK(contains(message_of<DataError>([&] { data::load_image_folder(folder.string(), one, 1); }),
                 "the label of every training image is"));
}

TEST_CASE("all images that cannot be read are told at once, the first ten by name") {
  TempFolder folder;
  for (const char* name : {"a", "b"}) {
    fs::create_directories(folder / name);
    for (int i = 0; i < 40; ++i) write_flat_png(folder / name + fmt::format("/{:02}.png", i), 9);
  }
  const auto what = [&] {
    return message_of<DataError>([&] { data::load_image_folder(folder.string(), section(), 1); });
  };
  const auto lines = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
  write_file(folder / "b/07.png", "broken");
  CHECK(what().find(folder / "b/07.png: not a readable") == 0);
  CHECK(contains(what(), "; 1 of 80 files cannot be used, allowed is a share of 0 (data.unusable_share)"));
  CHECK(lines(what()) == 0);
  for (const char* name : {"a/00.png", "b/39.png"}) write_file(folder / name, "broken");
  CHECK(what().find(folder.string() +
                    ": 3 of 80 files cannot be used, allowed is a share of 0 (data.unusable_share):\n  " +
                    (folder / "a/00.png: not a readable")) == 0);
  CHECK(contains(what(), "\n  " + (folder / "b/07.png: not a readable")));
  CHECK(contains(what(), "\n  " + (folder / "b/39.png: not a readable")));
  CHECK(lines(what()) == 3);
  for (int i = 10; i < 30; ++i) write_file(folder / fmt::format("a/{}.png", i), "broken");
  CHECK(
      contains(what(), ": 23 of 80 files cannot be used, allowed is a share of 0 (data.unusable_share):\n  " +
                           (folder / "a/00.png")));
  CHECK(contains(what(), "\n  and 13 more"));
  CHECK(lines(what()) == 11);
  for (const char* name : {"c", "d"}) fs::create_directories(folder / name);
  CHECK(contains(what(),
                 ": 2 class folders have no image:\n  " + (folder / "c: the class folder has no image")));
}

TEST_CASE("what is no set of class folders is refused by name") {
  TempFolder folder;
  const auto what = [&] {
    return message_of<DataError>([&] { data::load_image_folder(folder.string(), section(), 1); });
  };
  CHECK(contains(message_of<DataError>([&] { data::load_image_folder(folder / "none", section(), 1); }),
                 "no such folder"));
  CHECK(contains(what(), "0 class folder(s)"));
  fs::create_directories(folder / "a");
  CHECK(contains(what(), "/a: the class folder has no image"));
  write_flat_png(folder / "a/1.png", 1);
  CHECK(contains(what(), "1 class folder(s), at least 2"));
  fs::create_directories(folder / "b/inner");
  CHECK(contains(what(), "b/inner: a folder inside the class folder b"));
  fs::remove(folder / "b/inner");
  write_file(folder / "b/1.jpg", "no image");
  CHECK(contains(what(), "b/1.jpg: not a readable image"));
  write_flat_png(folder / "b/1.jpg", 5);
  CHECK(data::load_image_folder(folder.string(), section(), 1).train.size() == 2);
  auto cut = file_bytes(folder / "b/1.jpg");
  cut.resize(cut.size() / 2);
  write_file(folder / "b/1.jpg", cut);
  CHECK(contains(what(), "b/1.jpg: not a readable"));
  write_file(folder / "b/1.jpg", "");
  CHECK(contains(what(), "b/1.jpg: not a readable"));
  fs::remove(folder / "b/1.jpg");
  REQUIRE(::mkfifo((folder / "b/1.png").c_str(), 0600) == 0);
  CHECK(contains(what(), "b/1.png: a FIFO, a regular file is expected"));
  fs::remove(folder / "b/1.png");
  write_flat_png(folder / "b/1.png", 5);
  fs::create_symlink(folder / "nowhere", folder / "b/2.png");
  CHECK(contains(what(), "b/2.png: cannot be opened"));
  fs::remove(folder / "b/2.png");
  fs::create_directories(folder / "c\x1b[31m");
  CHECK(contains(what(), "control characters"));
  fs::remove(folder / "c\x1b[31m");
  auto two = section();
  two.channels = 2;
  CHECK(contains(message_of<DataError>([&] { data::load_image_folder(folder.string(), two, 1); }),
                 "data.channels: value is 2, allowed 1 or 3"));
  auto greedy = section();
  greedy.val_fraction = greedy.test_fraction = 0.5;
  CHECK(contains(message_of<DataError>([&] { data::load_image_folder(folder.string(), greedy, 1); }),
                 "val_fraction"));
}

TEST_CASE("splits are stratified, complete, and depend on the seed only") {
  std::vector<std::int64_t> labels;
  for (int i = 0; i < 300; ++i) labels.push_back(i % 10 == 0);
  const auto a = data::split_rows(labels, {}, 0.1, 0.2, 5), b = data::split_rows(labels, {}, 0.1, 0.2, 5);
  CHECK(a.train == b.train);
  CHECK(a.train != data::split_rows(labels, {}, 0.1, 0.2, 6).train);
  std::vector<int> seen(300, 0);
  for (const auto* rows : {&a.train, &a.val, &a.test}) {
    CHECK(std::is_sorted(rows->begin(), rows->end()));
    const auto rare = std::count_if(rows->begin(), rows->end(),
                                    [&](auto r) { return labels[static_cast<std::size_t>(r)]; });
    CHECK(rare * 10 == static_cast<std::int64_t>(rows->size()));
    for (auto r : *rows) ++seen[static_cast<std::size_t>(r)];
  }
  CHECK(seen == std::vector<int>(300, 1));
  CHECK(a.test.size() == 60);
  CHECK(data::split_rows(labels, {}, 0, 0.2, 5).val.empty());
}

TEST_CASE("a limit keeps the class mix") {
  std::vector<std::int64_t> labels;
  for (int i = 0; i < 400; ++i) labels.push_back(i % 4 == 0 ? 1 : 0);
  data::Indices rows;
  for (int i = 0; i < 400; ++i) rows.push_back(i);
  const auto kept = data::limited_rows(rows, labels, 40, 1);
  CHECK(kept.size() == 40);
  CHECK(std::count_if(kept.begin(), kept.end(),
                      [&](auto r) { return labels[static_cast<std::size_t>(r)] == 1; }) == 10);
  CHECK(data::limited_rows(rows, labels, 0, 1) == rows);
  CHECK(data::limited_rows(rows, labels, 500, 1) == rows);
}

TEST_CASE("the OASIS folders split by subject" * doctest::test_suite("data")) {
  const auto path = real_data("oasis_folders");
  if (!path) return;
  const auto s = data::load_image_folder(*path, section(28), 1);
  CHECK(s.class_names ==
        std::vector<std::string>{"Mild Dementia", "Moderate Dementia", "Non Demented", "Very mild Dementia"});
  CHECK(s.train.size() + s.val.size() + s.test.size() == 480);
  CHECK(data::shared_subjects(s).empty());
  for (std::int64_t c = 0; c < 4; ++c) {
    CHECK(std::count(s.train.labels.begin(), s.train.labels.end(), c) > 0);
    CHECK(std::count(s.test.labels.begin(), s.test.labels.end(), c) > 0);
  }
  CHECK(s.train.pixels == data::load_image_folder(*path, section(28), 1).train.pixels);
}

TEST_CASE("the MedNIST folders, limited" * doctest::test_suite("data")) {
  const auto path = real_data("mednist_folders");
  if (!path) return;
  auto few = section(16, 3);
  few.limit = 60;
  few.val_fraction = 0.01;
  few.test_fraction = 0.02;
  const auto s = data::load_image_folder(*path, few, 1);
  CHECK(s.classes() == 6);
  CHECK(s.train.size() == 60);
  for (std::int64_t c = 0; c < 6; ++c)
    CHECK(std::count(s.train.labels.begin(), s.train.labels.end(), c) == 10);
  CHECK(s.train.channels == 3);
  CHECK(s.train.subjects.empty());
}
