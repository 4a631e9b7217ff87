#include "data/medmnist.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>

#include "config/fetched_sets.hpp"
#include "data/medmnist_catalogue.hpp"
#include "tests/data/support.hpp"

using namespace afu;
using namespace afu::test;
using data::DataError;

namespace {

/// A well-formed set of 4/2/3 grey images of 2 x 3 pixels; tests alter single members.
std::map<std::string, std::string> small_set() {
  const auto images = [](int n, char first = 0) {
    std::string pixels(static_cast<std::size_t>(n * 6), '\0');
    std::iota(pixels.begin(), pixels.end(), first);
    return npy("|u1", fmt::format("({}, 2, 3)", n), pixels);
  };
  return {{"train_images", images(4)},    {"train_labels", npy("|u1", "(4, 1)", std::string("\0\1\2\1", 4))},
          {"val_images", images(2, 50)},  {"val_labels", npy("|u1", "(2, 1)", std::string("\0\1", 2))},
          {"test_images", images(3, 80)}, {"test_labels", npy("|u1", "(3, 1)", std::string("\2\1\0", 3))}};
}

data::Source load(const std::map<std::string, std::string>& members, const std::string& name = "set.npz",
                  const config::DataSection& section = {}) {
  TempFolder folder;
  std::vector<ZipMember> list;
  for (const auto& [key, bytes] : members) list.push_back({key + ".npy", bytes});
  write_zip(folder / name, list);
  return data::load_medmnist(folder / name, section);
}

/// small_set with images of another shape: pixel i of the split's array is first + i.
std::map<std::string, std::string> shaped_set(const std::string& shape, int bytes) {
  auto members = small_set();
  for (const auto& [split, n] : {std::pair{"train", 4}, {"val", 2}, {"test", 3}}) {
    std::string pixels(static_cast<std::size_t>(n * bytes), '\0');
    std::iota(pixels.begin(), pixels.end(), static_cast<char>(0));
    members[std::string(split) + "_images"] = npy("|u1", fmt::format("({}, {})", n, shape), pixels);
  }
  return members;
}

std::string refusal(const std::string& key, const std::string& member) {
  auto members = small_set();
  members[key] = member;
  return message_of<DataError>([&] { load(members); });
}

}  // namespace

TEST_CASE("a small set is read with its shapes, labels and classes") {
  const auto s = load(small_set());
  CHECK(s.name == "set.npz");
  CHECK(s.train.size() == 4);
  CHECK(s.val.size() == 2);
  CHECK(s.test.size() == 3);
  CHECK(s.train.channels == 1);
  CHECK(s.train.height == 2);
  CHECK(s.train.width == 3);
  CHECK(s.train.labels == std::vector<std::int64_t>{0, 1, 2, 1});
  CHECK(s.class_names == std::vector<std::string>{"class 0", "class 1", "class 2"});
  CHECK(s.official.empty());
  CHECK(s.md5.size() == 32);
}

TEST_CASE("what a message says that a script fetches the script knows, with the catalogue's checksum") {
  std::ifstream in(std::string(AFU_SOURCE_DIR) + "/tools/fetch_medmnist.sh");
  const std::string script{std::istreambuf_iterator<char>(in), {}};
  std::size_t known = 0;
  for (auto at = script.find("mnist]="); at != std::string::npos; at = script.find("mnist]=", at + 1))
    ++known;
  CHECK(known == std::size(config::fetched_sets));
  for (const std::string name : config::fetched_volumes)
    for (const int size : {28, 64}) {
      const auto stem = data::official_stem(name, size);
      CAPTURE(stem);
      const auto file = data::official_file_by_stem(stem);
      REQUIRE(file.set);
      CHECK(script.find("[" + stem + "]=" + file.md5 + "\n") != std::string::npos);
      CHECK(config::how_to_get(stem + ".npz").find("fetch_medmnist.sh " + stem + " ") != std::string::npos);
    }
  for (const std::string name : config::fetched_sets) {
    CAPTURE(name);
    for (const int size : {28, 64, 128, 224}) {
      const auto stem = data::official_stem(name, size);
      CAPTURE(stem);
      const auto file = data::official_file_by_stem(stem);
      REQUIRE(file.set);
      CHECK(file.size == size);
      CHECK(data::official_file_by_md5(file.md5).set == file.set);
      CHECK(script.find("[" + stem + "]=" + file.md5 + "\n") != std::string::npos);
      CHECK(config::how_to_get("data/" + stem + ".npz").find("fetch_medmnist.sh " + stem + " ") !=
            std::string::npos);
    }
  }
  CHECK(config::how_to_get("organmnist3d_128.npz").empty());
  CHECK(config::how_to_get("breastmnist").empty());
}

TEST_CASE("the catalogue has all eighteen sets of MedMNIST v2 in every published size") {
  int files = 0;
  for (const char* flag :
       {"pathmnist", "chestmnist", "dermamnist", "octmnist", "pneumoniamnist", "retinamnist", "breastmnist",
        "bloodmnist", "tissuemnist", "organamnist", "organcmnist", "organsmnist", "organmnist3d",
        "nodulemnist3d", "adrenalmnist3d", "fracturemnist3d", "vesselmnist3d", "synapsemnist3d"}) {
    CAPTURE(flag);
    for (const int size : {28, 64, 128, 224}) {
      const auto file = data::official_file_by_stem(data::official_stem(flag, size));
      CHECK((file.set != nullptr) == (size <= 64 || std::string(flag).find("3d") == std::string::npos));
      if (!file.set) continue;
      ++files;
      CHECK(file.md5.size() == 32);
      CHECK(file.set->class_names.size() >= 2);
    }
  }
  CHECK(files == 12 * 4 + 6 * 2);
}

TEST_CASE("colour images become planes") {
  auto members = small_set();
  for (const char* split : {"train", "val", "test"}) {
    const int n = split[0] == 't' ? (split[1] == 'r' ? 4 : 3) : 2;
    std::string pixels;
    for (int i = 0; i < n; ++i)
      for (int p = 0; p < 4; ++p)
        for (int c = 0; c < 3; ++c) pixels += static_cast<char>(i * 50 + c * 10 + p);
    members[std::string(split) + "_images"] = npy("|u1", fmt::format("({}, 2, 2, 3)", n), pixels);
  }
  const auto s = load(members);
  CHECK(s.train.channels == 3);
  for (int i = 0; i < 4; ++i)
    for (int c = 0; c < 3; ++c)
      for (int p = 0; p < 4; ++p)
        CHECK(s.train.pixels[static_cast<std::size_t>((i * 3 + c) * 4 + p)] == i * 50 + c * 10 + p);
}

TEST_CASE("as_rgb repeats grey images and leaves colour as it is") {
  config::DataSection section;
  section.as_rgb = true;
  const auto grey = load(small_set()), s = load(small_set(), "set.npz", section);
  CHECK(s.train.channels == 3);
  CHECK(s.train.height == 2);
  REQUIRE(s.test.pixels.size() == 3 * grey.test.pixels.size());
  for (std::size_t image = 0; image < 3; ++image)
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t p = 0; p < 6; ++p)
        CHECK(s.test.pixels[(image * 3 + c) * 6 + p] == grey.test.pixels[image * 6 + p]);
  const auto colour = shaped_set("2, 2, 3", 12);
  CHECK(load(colour, "set.npz", section).train.pixels == load(colour).train.pixels);
  CHECK(load(shaped_set("2, 3, 1", 6), "set.npz", section).train.pixels == s.train.pixels);
}

TEST_CASE("channels are found first or last, and where both can be meant the scenario says which") {
  using config::ImageLayout;
  config::DataSection nchw, nhwc;
  nchw.layout = ImageLayout::nchw;
  nhwc.layout = ImageLayout::nhwc;
  const auto first = load(shaped_set("3, 2, 4", 24));
  CHECK(first.train.channels == 3);
  CHECK(first.train.height == 2);
  CHECK(first.train.width == 4);
  for (std::size_t i = 0; i < 96; ++i) CHECK(first.train.pixels[i] == i);  // as they stand
  CHECK(load(shaped_set("3, 2, 4", 24), "set.npz", nchw).train.pixels == first.train.pixels);
  CHECK(load(shaped_set("1, 2, 4", 8)).train.channels == 1);

  const auto both = shaped_set("3, 5, 3", 45);
  CHECK(contains(
      message_of<DataError>([&] { load(both); }),
      "set.npz: train_images: shape (4, 3, 5, 3) can be read as 3 x 5 pixels of 3 channels (data.layout = "
      "\"nhwc\") and as 5 x 3 of 3 (\"nchw\"): say which"));
  CHECK(load(both, "set.npz", nchw).train.height == 5);
  CHECK(load(both, "set.npz", nchw).train.pixels[1] == 1);
  CHECK(load(both, "set.npz", nhwc).train.height == 3);
  CHECK(load(both, "set.npz", nhwc).train.pixels[1] == 3);

  CHECK(contains(message_of<DataError>([&] { load(shaped_set("3, 2, 4", 24), "set.npz", nhwc); }),
                 "shape (4, 3, 2, 4), images must be N x H x W, N x H x W x 1 or N x H x W x 3"));
  CHECK(contains(message_of<DataError>([&] { load(shaped_set("2, 4, 3", 24), "set.npz", nchw); }),
                 "shape (4, 2, 4, 3), images must be N x H x W, N x 1 x H x W or N x 3 x H x W"));
}

TEST_CASE("labels of every integer type and of shape N are read") {
  auto members = small_set();
  members["train_labels"] = npy("<i8", "(4,)", raw(std::vector<std::int64_t>{0, 1, 2, 1}));
  members["val_labels"] = npy("<u2", "(2,)", raw(std::vector<std::uint16_t>{4, 1}));
  CHECK(load(members).classes() == 5);
}

TEST_CASE(
    "images of 16 bits and floats become 8 bits as the scenario says, and how many were outside is told") {
  auto members = small_set();
  std::vector<std::uint16_t> train(24), val(12), test(18);
  std::iota(train.begin(), train.end(), std::uint16_t{1000});
  std::iota(val.begin(), val.end(), std::uint16_t{990});
  std::iota(test.begin(), test.end(), std::uint16_t{1100});
  members["train_images"] = npy("<u2", "(4, 2, 3)", raw(train));
  members["val_images"] = npy("<u2", "(2, 2, 3)", raw(val));
  members["test_images"] = npy("<u2", "(3, 2, 3)", raw(test));
  const auto load_as = [&](config::IntensityMapping mapping, double low = 0, double high = 0) {
    TempFolder folder;
    std::vector<ZipMember> list;
    for (const auto& [key, bytes] : members) list.push_back({key + ".npy", bytes});
    write_zip(folder / "set.npz", list);
    config::DataSection section;
    section.intensity = {mapping, low, high};
    return data::load_medmnist(folder / "set.npz", section);
  };
  using M = config::IntensityMapping;
  const auto extrema = load_as(M::extrema);
  CHECK(extrema.train.pixels[0] == 0);
  CHECK(extrema.train.pixels[23] == 255);
  CHECK(extrema.train.pixels[1] == std::lround(255. / 23));
  CHECK(extrema.val.pixels[0] == 0);  // the window is that of the training images
  CHECK(extrema.test.pixels[0] == 255);
  CHECK(
      std::count_if(extrema.notes.begin(), extrema.notes.end(), [](const std::string& n) {
        return n ==
               "uint16 samples were made 8-bit, 1000 black and 1023 white (data.intensity.mapping \"extrema\"); "
               "51.85 % were outside and became black or white";
      }) == 1);
  const auto window = load_as(M::window, 1000, 1255);
  for (std::size_t i = 0; i < 24; ++i) CHECK(window.train.pixels[i] == i);
  CHECK(load_as(M::range).train.pixels[0] == std::lround(1000 / 65535. * 255));

  std::vector<float> real(24);
  for (std::size_t i = 0; i < 24; ++i) real[i] = static_cast<float>(i) / 32;
  members["train_images"] = npy("<f4", "(4, 2, 3)", raw(real));
  CHECK(contains(message_of<DataError>([&] { load_as(M::window, 0, 1); }),
                 "val_images: dtype uint16, but that of train_images is float32"));
  members["val_images"] = npy("<f4", "(2, 2, 3)", raw(std::vector<float>(12, 0.5F)));
  members["test_images"] = npy("<f4", "(3, 2, 3)", raw(std::vector<float>(18, 2.F)));
  const auto unit = load_as(M::window, 0, 1);
  CHECK(unit.train.pixels[16] == 128);
  CHECK(unit.test.pixels[0] == 255);
  CHECK(contains(message_of<DataError>([&] { load_as(M::range); }), "its type has no range"));
  real[3] = std::numeric_limits<float>::quiet_NaN();
  members["train_images"] = npy("<f4", "(4, 2, 3)", raw(real));
  CHECK(contains(message_of<DataError>([&] { load_as(M::window, 0, 1); }),
                 "train_images: sample 3 is no finite number"));
  // binary16: 0, 0.5, 1, the smallest there is
  std::vector<std::uint16_t> half(24, 0x3800);
  half[0] = 0;
  half[1] = 0x3C00;
  half[2] = 1;
  members["train_images"] = npy("<f2", "(4, 2, 3)", raw(half));
  for (const char* split : {"val", "test"})
    members[std::string(split) + "_images"] =
        npy("<f2", split[0] == 'v' ? "(2, 2, 3)" : "(3, 2, 3)",
            raw(std::vector<std::uint16_t>(split[0] == 'v' ? 12 : 18, 0)));
  const auto halves = load_as(M::window, 0, 1);
  CHECK(halves.train.pixels[0] == 0);
  CHECK(halves.train.pixels[1] == 255);
  CHECK(halves.train.pixels[2] == 0);
  CHECK(halves.train.pixels[3] == 128);
}

TEST_CASE("what does not fit is refused with file and member") {
  CHECK(contains(
      refusal("train_images", npy("<f4", "(4, 1, 1)", std::string(16, '\0'))),
      "set.npz: train_images: float32, with values from 0 to 0: images are kept in 8 bits; data.intensity.mapping"));
  CHECK(contains(refusal("train_images", npy("|b1", "(4, 2, 3)", std::string(24, '\0'))), "dtype bool"));
  CHECK(contains(refusal("train_images", npy("|u1", "(4, 6)", std::string(24, '\0'))), "shape (4, 6)"));
  CHECK(contains(refusal("train_images", npy("|u1", "(4, 2, 2, 2, 2)", std::string(64, '\0'))),
                 "N x H x W x 3"));
  CHECK(contains(refusal("test_images", npy("|u1", "(3, 2, 2)", std::string(12, '\0'))),
                 "test_images: 1x2x2 pixels"));
  CHECK(contains(refusal("train_images", npy("|u1", "(0, 2, 3)", "")),
                 "train_labels: shape (4, 1) does not match 0"));
  CHECK(contains(refusal("val_labels", npy("|u1", "(2, 14)", std::string(28, '\0'))),
                 "val_labels: 14 labels an image, but train_labels has 1"));
  CHECK(
      contains(refusal("val_labels", npy("|u1", "(3, 1)", std::string(3, '\0'))), "does not match 2 images"));
  CHECK(contains(refusal("val_labels", npy("<f8", "(2, 1)", std::string(16, '\0'))),
                 "val_labels: dtype float64"));
  CHECK(contains(refusal("val_labels", npy("|i1", "(2, 1)", "\x01\xff")),
                 "label -1 in row 1 is outside [0, 999]"));
  CHECK(contains(refusal("val_labels", npy("<u2", "(2, 1)", raw(std::vector<std::uint16_t>{0, 1000}))),
                 "label 1000"));
  CHECK(contains(refusal("val_labels", npy("<u8", "(2, 1)", std::string(16, '\xff'))), "val_labels: row 0"));
  auto members = small_set();
  members.erase("val_labels");
  CHECK(contains(message_of<DataError>([&] { load(members); }), "val_labels: missing"));
  CHECK(contains(message_of<DataError>([] { data::load_medmnist("no/such.npz"); }),
                 "no/such.npz: no such file"));
}

TEST_CASE("a set of one class is refused") {
  auto members = small_set();
  for (const auto& [split, n] : {std::pair{"train", 4}, {"val", 2}, {"test", 3}})
    members[std::string(split) + "_labels"] =
        npy("|u1", fmt::format("({},)", n), std::string(static_cast<std::size_t>(n), '\0'));
  CHECK(contains(message_of<DataError>([&] { load(members); }),
                 "set.npz: the label of every training image is 0, at least 2 classes are needed"));
  for (const auto& [split, n] : {std::pair{"train", 4}, {"val", 2}, {"test", 3}})
    members[std::string(split) + "_labels"] =
        npy("|u1", fmt::format("({},)", n), std::string(static_cast<std::size_t>(n), '\1'));
  CHECK(contains(message_of<DataError>([&] { load(members); }), "every training image is 1, at least 2"));
}

TEST_CASE("classes without images are named") {
  auto members = small_set();
  members["train_labels"] = npy("|u1", "(4, 1)", std::string("\1\2\1\2", 4));
  members["test_labels"] = npy("|u1", "(3, 1)", std::string("\1\1\1", 3));
  const auto s = load(members);
  CHECK(s.notes == std::vector<std::string>{"no training image is of class 0 (class 0)",
                                            "no validation image is of class 2 (class 2)",
                                            "no test image is of class 0 (class 0), 2 (class 2)"});
  CHECK(load(small_set()).notes == std::vector<std::string>{"no validation image is of class 2 (class 2)"});
}

TEST_CASE("members of other names are told") {
  auto members = small_set();
  members["train_subject"] = npy("|u1", "(4, 1)", std::string(4, '\1'));
  CHECK(load(members).notes ==
        std::vector<std::string>{"1 members of other names were left out, the first is \"train_subject.npy\"",
                                 "no validation image is of class 2 (class 2)"});
}

TEST_CASE("images without number and of any side are refused") {
  CHECK(contains(refusal("train_images", npy("|u1", "(0, 4294967296, 4294967296)", "")),
                 "train_images: shape (0, 4294967296, 4294967296): images of more than 16384 pixels a side"));
}

TEST_CASE("an npz file that is none is not waited for") {
  TempFolder folder;
  REQUIRE(::mkfifo((folder / "x.npz").c_str(), 0600) == 0);
  CHECK(contains(message_of<DataError>([&] { data::load_medmnist(folder / "x.npz"); }),
                 "x.npz: a FIFO, a regular file is expected"));
}

TEST_CASE("subjects come in all splits or none and in one split only") {
  auto members = small_set();
  members["train_subjects"] = npy("<u2", "(4, 1)", raw(std::vector<std::uint16_t>{7, 7, 8, 9}));
  CHECK(contains(message_of<DataError>([&] { load(members); }), "val_subjects: missing"));
  members["val_subjects"] = npy("<u2", "(2, 1)", raw(std::vector<std::uint16_t>{1, 2}));
  members["test_subjects"] = npy("<u2", "(3, 1)", raw(std::vector<std::uint16_t>{3, 3, 4}));
  CHECK(load(members).train.subjects == std::vector<std::int64_t>{7, 7, 8, 9});
  members["test_subjects"] = npy("<u2", "(3, 1)", raw(std::vector<std::uint16_t>{3, 9, 4}));
  CHECK(contains(message_of<DataError>([&] { load(members); }), "the first is 9"));
}

TEST_CASE("a file of an official name that is another file is said not to be it") {
  auto members = small_set();
  members["train_labels"] = npy("|u1", "(4, 1)", std::string("\0\1\0\1", 4));
  members["test_labels"] = npy("|u1", "(3, 1)", std::string("\0\1\0", 3));
  const auto s = load(members, "breastmnist.npz");
  CHECK(
      s.official ==
      fmt::format("not the official breastmnist (md5 {}, official 750601b1f35ba3300ea97c75c52ff8f6)", s.md5));
  CHECK(s.class_names == std::vector<std::string>{"malignant", "normal, benign"});
  CHECK(load(members, "breastmnist_64.npz").official.find("not the official breastmnist_64 (md5 ") == 0);
  CHECK(load(members, "breastmnist_65.npz").official.empty());
}

TEST_CASE("the MD5 of a file") {
  TempFolder folder;
  write_file(folder / "abc", "abc");
  CHECK(data::file_md5(folder / "abc") == "900150983cd24fb0d6963f7d28e17f72");  // RFC 1321
}

TEST_CASE("BreastMNIST is the official file" * doctest::test_suite("data")) {
  const auto path = real_data("breastmnist.npz");
  if (!path) return;
  const auto s = data::load_medmnist(*path);
  CHECK(s.official == "official breastmnist");
  CHECK(s.train.size() == 546);
  CHECK(s.val.size() == 78);
  CHECK(s.test.size() == 156);
  CHECK(s.train.height == 28);
  CHECK(s.class_names == std::vector<std::string>{"malignant", "normal, benign"});
}

TEST_CASE("the rebuilt PneumoniaMNIST is not the official file" * doctest::test_suite("data")) {
  const auto path = real_data("pneumoniamnist.npz");
  if (!path) return;
  const auto s = data::load_medmnist(*path);
  CHECK(contains(s.official,
                 "not the official pneumoniamnist (md5 ce6fd10419aa575d2a23d82b5323baa2, official 28209eda"));
  CHECK(s.train.size() == 4708);
  CHECK(s.test.size() == 624);
  CHECK(s.class_names == std::vector<std::string>{"normal", "pneumonia"});
}

TEST_CASE("OASIS tells its subjects" * doctest::test_suite("data")) {
  for (const auto& [name, side] : {std::pair{"oasis_alzheimer_28.npz", 28}, {"oasis_alzheimer_64.npz", 64}}) {
    const auto path = real_data(name);
    if (!path) continue;
    const auto s = data::load_medmnist(*path);
    CHECK(s.train.height == side);
    CHECK(s.train.size() == 4480);
    CHECK(s.classes() == 3);
    CHECK(s.train.subjects.size() == 4480);
    CHECK(s.official.empty());
  }
}
