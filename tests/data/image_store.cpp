#include "data/image_store.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "config/scenario.hpp"
#include "data/federated.hpp"
#include "data/image_folder.hpp"
#include "data/medmnist.hpp"
#include "data/memory_need.hpp"
#include "data/source_bytes.hpp"
#include "tests/data/image_files.hpp"
#include "tests/data/support.hpp"

using namespace afu;
using namespace afu::test;
using data::DataError;

namespace {

/// A set of 40/12/10 images of 9 x 8 pixels in two classes, no two alike.
void write_set(const std::string& path, unsigned first = 0) {
  std::vector<ZipMember> members;
  unsigned next = first;
  for (const auto& [split, n] : {std::pair{"train", 40}, {"val", 12}, {"test", 10}}) {
    std::string pixels, labels;
    for (int i = 0; i < n; ++i, ++next) {
      for (unsigned p = 0; p < 72; ++p) pixels += static_cast<char>(next * 31 + p * (next % 5 + 1));
      pixels[pixels.size() - 2] = static_cast<char>(next);
      labels += static_cast<char>(i % 2);
    }
    members.push_back({std::string(split) + "_images.npy", npy("|u1", fmt::format("({}, 9, 8)", n), pixels)});
    members.push_back({std::string(split) + "_labels.npy", npy("|u1", fmt::format("({}, 1)", n), labels)});
  }
  write_zip(path, members);
}

config::DataSection section(const TempFolder& folder, const std::string& path) {
  config::DataSection s;
  s.source = config::DataSource::npz;
  s.path = path;
  s.cache = folder / "cache";
  return s;
}

data::Source load(const config::DataSection& s) { return data::load_source(s, 1, ""); }

bool mapped(const data::Source& s) { return s.test.pixels.mapping() != nullptr; }

std::vector<std::string> files_in(const std::string& folder, const std::string& end = ".images") {
  std::vector<std::string> names;
  if (fs::exists(folder))
    for (const auto& entry : fs::directory_iterator(folder))
      if (const auto name = entry.path().string();
          name.size() > end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0)
        names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

bool told(const data::Source& s, const std::string& part) {
  return std::any_of(s.notes.begin(), s.notes.end(),
                     [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

void check_same(const data::Source& a, const data::Source& b) {
  for (const auto& [x, y] : {std::pair{&a.train, &b.train}, {&a.val, &b.val}, {&a.test, &b.test}}) {
    CHECK(x->pixels == y->pixels);
    CHECK(x->labels == y->labels);
    CHECK(x->subjects == y->subjects);
    CHECK(x->ids == y->ids);
    CHECK(x->channels == y->channels);
    CHECK(x->height == y->height);
  }
  CHECK(a.class_names == b.class_names);
  CHECK(a.name == b.name);
  CHECK(a.md5 == b.md5);
}

/// What the reader did, by how many images it told that it decoded.
struct Watched {
  data::Source source;
  std::int64_t decoded = 0;
};
Watched watched(const config::DataSection& s) {
  Watched w;
  w.source = data::load_source(s, 1, "", [&](std::int64_t done, std::int64_t all) {
    CHECK(done <= all);
    w.decoded = done;
  });
  return w;
}

}  // namespace

TEST_CASE("a file's images are decoded once, and mapped with all that is known of them from then on") {
  TempFolder folder;
  write_set(folder / "set.npz");
  auto s = section(folder, folder / "set.npz");
  auto off = s;
  off.cache = "off";
  const auto plain = load(off);
  CHECK_FALSE(mapped(plain));
  CHECK(files_in(folder / "cache").empty());

  const auto first = watched(s), second = watched(s);
  CHECK(first.decoded == 62);
  CHECK(second.decoded == 0);
  CHECK(mapped(first.source));
  CHECK(mapped(second.source));
  check_same(first.source, plain);
  check_same(second.source, plain);
  CHECK(first.source.notes == second.source.notes);
  CHECK(told(second.source, "the decoded images are mapped from "));
  REQUIRE(files_in(folder / "cache").size() == 1);
  struct stat st {};
  REQUIRE(::stat(files_in(folder / "cache")[0].c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0600);

  // The same content elsewhere; other settings; other content under the same name.
  fs::copy_file(folder / "set.npz", folder / "copy.npz");
  s.path = folder / "copy.npz";
  const auto copy = watched(s);
  CHECK(copy.decoded == 0);
  CHECK(copy.source.name == "copy.npz");
  s.path = folder / "set.npz";
  s.as_rgb = true;
  CHECK(watched(s).decoded == 62);
  CHECK(load(s).test.channels == 3);
  CHECK(files_in(folder / "cache").size() == 2);
  s.as_rgb = false;
  write_set(folder / "set.npz", 7);
  CHECK(watched(s).decoded == 62);
  CHECK(files_in(folder / "cache").size() == 2);  // in the place of what the file was before
}

TEST_CASE("a federation of mapped images has the bytes of one in memory, shifted, poisoned and limited") {
  TempFolder folder;
  write_set(folder / "set.npz");
  config::Scenario s;
  s.data = section(folder, folder / "set.npz");
  s.partition.clients = 2;
  s.calibration.samples_per_environment = 4;
  s.erasures.push_back({});
  s.erasures[0].client = 1;
  const auto same = [&] {
    auto off = s;
    off.data.cache = "off";
    const auto a = data::federate(data::load_source(s.data, 1, ""), s);
    const auto b = data::federate(data::load_source(off.data, 1, ""), off);
    CHECK(b.pool->pixels.mapping() == nullptr);
    CHECK(a.pool->pixels == b.pool->pixels);
    CHECK(a.pool->labels == b.pool->labels);
    return a.pool->pixels.mapping() != nullptr;
  };
  CHECK(same());
  s.data.backdoor.trigger = config::Trigger::patch;
  s.data.backdoor.size = 2;
  CHECK(same());
  s.partition.shift.noise = 0.2;
  s.partition.shift.contrast = 0.5;
  CHECK(same());
  CHECK(same());  // what a run altered, the next one does not find
  s.data.limit = 20;
  CHECK_FALSE(same());  // the rows that are left are no single piece of the file
}

TEST_CASE("class folders are kept too, without the files that cannot be used, until one of them changes") {
  TempFolder folder;
  for (int c = 0; c < 2; ++c)
    for (int i = 0; i < 12; ++i) {
      const auto name = fmt::format("set/{}/{:02}.png", c, i);
      fs::create_directories(fs::path(folder / name).parent_path());
      std::vector<std::uint8_t> pixels(64, static_cast<std::uint8_t>(c * 100 + i));
      write_png(folder / name, 8, 8, pixels);
    }
  write_file(folder / "set/0/03.png", "no image");
  config::DataSection s;
  s.source = config::DataSource::image_folder;
  s.path = folder / "set";
  s.image_size = 8;
  s.unusable_share = 0.2;
  auto off = s;
  off.cache = "off";
  s.cache = folder / "cache";
  const auto plain = load(off);
  const auto first = watched(s), second = watched(s);
  CHECK(first.decoded > 20);
  CHECK(second.decoded == 0);
  check_same(first.source, plain);
  check_same(second.source, plain);
  CHECK(first.source.notes == second.source.notes);
  CHECK(mapped(second.source));
  for (const auto& note : plain.notes) CHECK(told(second.source, note));

  write_png(folder / "set/1/05.png", 8, 8, std::vector<std::uint8_t>(64, 3));
  const auto changed = watched(s);
  CHECK(changed.decoded > 20);
  CHECK(files_in(folder / "cache").size() == 1);
  s.as_rgb = true;
  CHECK(load(s).train.channels == 3);
}

TEST_CASE("a kept file that is cut, damaged or something else is noticed, told and made anew") {
  TempFolder folder;
  write_set(folder / "set.npz");
  const auto s = section(folder, folder / "set.npz");
  auto off = s;
  off.cache = "off";
  const auto good = load(off);
  CHECK(watched(s).decoded == 62);
  const auto file = files_in(folder / "cache").at(0);
  const auto bytes = file_bytes(file);
  const auto after = [&](const std::string& text) {
    write_file(file, text);
    const auto w = watched(s);
    CHECK(w.decoded == 62);
    check_same(w.source, good);
    CHECK(file_bytes(file).size() == bytes.size());
    CHECK(watched(s).decoded == 0);
    for (const auto& note : w.source.notes)
      if (const auto at = note.find("cannot be used and is made anew: "); at != std::string::npos)
        return note.substr(at + 33);
    return std::string();
  };
  CHECK(after("") == "it is cut off");
  CHECK(after(bytes.substr(0, 65536 + 100)) == "it is cut off");
  CHECK(after(bytes + "x") == "it is cut off");
  CHECK(after("PK" + bytes.substr(2)) == "it is no file of decoded images");
  auto other = bytes;
  other[other.find("pixels ") + 7] ^= 1;
  CHECK(after(other) == "its head is damaged");
  other = bytes;
  other[65536 + 99] ^= 1;
  CHECK(after(other) == "its images are damaged");
  other = bytes;
  other.back() ^= 1;
  CHECK(after(other) == "what it tells of the images is damaged");

  // One that was only written again is good.
  write_file(file, file_bytes(file));
  CHECK(watched(s).decoded == 0);
}

TEST_CASE("several that read one set at once all have it, and keep one file") {
  // Each clears away what killed ones left, and must not take what another one has just begun for that.
  constexpr int rounds = 12;
  for (int round = 0; round < rounds; ++round) {
    TempFolder folder;
    write_set(folder / "set.npz");
    const auto s = section(folder, folder / "set.npz");
    std::vector<data::Source> sources(4);
    std::vector<std::string> faults(sources.size());
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < sources.size(); ++i)
      threads.emplace_back([&, i] {
        try {
          sources[i] = load(s);
        } catch (const DataError& e) {
          faults[i] = e.what();
        }
      });
    for (auto& t : threads) t.join();
    CHECK(faults == std::vector<std::string>(sources.size()));
    for (const auto& source : sources) {
      CHECK(mapped(source));
      check_same(source, sources[0]);
    }
    CHECK(files_in(folder / "cache").size() == 1);
    CHECK(files_in(folder / "cache", ".part").empty());
  }
}

TEST_CASE("what was said of a source cannot be read from other bytes") {
  data::Source s;
  s.name = "a";
  s.class_names = {"x", "y"};
  s.subject_names = {{3, "p"}};
  s.train.labels = {0, 1};
  s.train.ids = {"a.png", "b.png"};
  s.notes = {"before", "after"};
  const auto bytes = data::source_bytes(s, 1);
  const auto back = data::source_of_bytes(bytes);
  CHECK(back.subject_names == s.subject_names);
  CHECK(back.train.ids == s.train.ids);
  CHECK(back.notes == std::vector<std::string>{"after"});
  for (std::size_t n = 0; n < bytes.size(); ++n)
    CHECK_THROWS_AS(data::source_of_bytes(bytes.substr(0, n)), std::runtime_error);
  CHECK_THROWS_AS(data::source_of_bytes(bytes + 'x'), std::runtime_error);
  CHECK_THROWS_AS(data::source_of_bytes(std::string(64, '\xff')), std::runtime_error);
}

TEST_CASE(
    "small sets stay in memory by default, and a folder that cannot be had is an error only where it was named") {
  TempFolder folder;
  write_set(folder / "set.npz");
  auto s = section(folder, folder / "set.npz");
  s.cache = "auto";
  CHECK_FALSE(mapped(load(s)));
  write_file(folder / "file", "");
  s.cache = folder / "file";
  CHECK(contains(message_of<DataError>([&] { load(s); }), "file: no decoded images can be kept: "));

  data::ImageStore store(folder / "cache", {});
  CHECK_THROWS_AS(store.begin("k", "o", std::uint64_t{1} << 60), DataError);  // no disk has this
  CHECK(files_in(folder / "cache", ".part").empty());
}

TEST_CASE("clearing takes the kept files and what a killed run left, and nothing else") {
  TempFolder folder;
  write_set(folder / "set.npz");
  const auto s = section(folder, folder / "set.npz");
  const auto source = load(s);
  write_file(folder / "cache/notes.txt", "mine");
  write_file(folder / "cache/0123-4567.1.images.part", "left");
  {
    data::ImageStore writing(folder / "cache", {});
    writing.begin(std::string(64, 'a'), "another", 100);  // takes the orphan away
    REQUIRE(writing.in_file());
    CHECK(files_in(folder / "cache", ".part").size() == 1);
    CHECK(data::clear_cache(folder / "cache") > 62 * 72);
    CHECK(files_in(folder / "cache", ".part").size() == 1);  // somebody writes to it
  }
  CHECK(files_in(folder / "cache", ".part").empty());
  CHECK(files_in(folder / "cache").empty());
  CHECK(files_in(folder / "cache", ".md5").empty());
  CHECK(fs::exists(folder / "cache/notes.txt"));
  CHECK(source.train.pixels[0] == 0);  // who mapped it has it still
  CHECK(data::clear_cache(folder / "none") == 0);
}

TEST_CASE("of mapped images only copies and what scanners alter count as memory") {
  data::ImageCounts c;
  c.train = 10, c.val = 2, c.test = 3, c.image_bytes = 84;
  c.mapped = true;
  CHECK(data::memory_need(c) == 2 * 15 * 16);
  c.backdoor = true;
  CHECK(data::memory_need(c) == (2 * 3 + 10) * 100 + 2 * 15 * 16);
  c.altered = true;
  CHECK(data::memory_need(c) == (15 + 2 * 3 + 10) * 84 + (2 * 15 + 16) * 16);
}
