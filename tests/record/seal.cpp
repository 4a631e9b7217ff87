#include "record/seal.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "base/sha256.hpp"
#include "tests/record/temporary_folder.hpp"

using namespace afu::record;
using afu::test::TemporaryFolder;
using afu::test::text_of;
using afu::test::write_text;
namespace fs = std::filesystem;

namespace {

/// A sealed run of two files.
void seal(const fs::path& where, const std::vector<Input>& inputs = {}) {
  const auto folder = RunFolder::create(where, true);
  write_text(folder.path("scenario.toml"), "[stop]\n");
  write_text(folder.path("metrics.csv"), "a,b\n1,2\n");
  write_seal(folder, inputs);
}

std::string damage_of(const fs::path& folder) { return damage(folder, read_seal(folder)); }

std::string why_unreadable(const fs::path& folder) {
  try {
    read_seal(folder);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return {};
}

}  // namespace

TEST_CASE("a sealed folder is whole until a file of it is lost, cut, changed or added") {
  TemporaryFolder tmp;
  const auto run = tmp / "run";
  seal(run);
  CHECK(read_seal(run).files.at("metrics.csv").bytes == 8);
  CHECK(read_seal(run).files.at("scenario.toml").sha256 ==
        "795128ad46e9b16f90d3d8b5b1581e3fc76f6cfaa758a728c1d56ee40c4ebb79");
  CHECK(damage_of(run).empty());
  write_text(run / "notes.txt", "not of the run");
  CHECK(damage_of(run).empty());

  fs::remove(run / "metrics.csv");
  CHECK(damage_of(run) == "metrics.csv is missing");
  write_text(run / "metrics.csv", "a,b\n1,2");
  CHECK(damage_of(run) == "metrics.csv has 7 bytes, not 8");
  write_text(run / "metrics.csv", "a,b\n1,3\n");
  CHECK(damage_of(run) == "metrics.csv has another content than when the run ended");
  write_text(run / "metrics.csv", "a,b\n1,2\n");
  write_text(run / "attacks.csv", "");
  CHECK(damage_of(run) == "attacks.csv is not of this run");
}

TEST_CASE("a list of files that is itself damaged is told by its name") {
  TemporaryFolder tmp;
  const auto run = tmp / "run";
  seal(run);
  const auto whole = text_of(run / "files.json");
  for (const auto& text :
       {std::string(), whole.substr(0, whole.size() / 2), std::string("[1]"),
        std::string(R"({"schema": 1, "files": {"metrics.csv": 3}, "inputs": []})"),
        std::string(R"({"schema": 1, "files": {"../x": {"bytes": 1, "sha256": ""}}, "inputs": []})"),
        std::string(R"({"schema": 2, "files": {}, "inputs": []})")}) {
    write_text(run / "files.json", text);
    CAPTURE(text);
    CHECK(why_unreadable(run).find("files.json") != std::string::npos);
  }
  fs::remove(run / "files.json");
  CHECK(why_unreadable(run).find("is missing") != std::string::npos);
}

TEST_CASE("an input's digest is noted for other processes, until it changes") {
  TemporaryFolder tmp;
  const auto notes = tmp / "notes";
  write_text(tmp / "abc", "abc");
  // Another name of the same file: this process has not read it under that one.
  const auto named = [&](int n) {
    return fs::path((tmp / "").string() + std::string(static_cast<std::size_t>(n), '/') + "abc");
  };
  const auto first = digest_of_input(named(1), notes);  // there is no such folder
  CHECK_FALSE(fs::exists(notes));
  fs::create_directories(notes);
  CHECK(digest_of_input(named(2), notes) == first);
  fs::path note;
  for (const auto& entry : fs::directory_iterator(notes)) note = entry.path();
  REQUIRE(note.extension() == digest_ending);
  std::string of;
  std::ifstream(note) >> of;
  const auto write_note = [&](const std::string& text, const std::string& sum) {
    write_text(note, text + " " + sum + "\n");
  };
  const auto forged = of + " 9 ffff";
  write_note(forged, "0000");
  CHECK(digest_of_input(named(3), notes) == first);
  afu::base::Sha256 hash;
  hash.update(forged.data(), forged.size());
  write_note(forged, hash.hex());
  CHECK(digest_of_input(named(4), notes).bytes == 9);  // it is read
  write_text(tmp / "abc", "abcd");
  CHECK(digest_of_input(named(5), notes).bytes == 4);
}

TEST_CASE("an input is known by its content, a folder by the names and contents of its files") {
  TemporaryFolder tmp;
  const auto folder = tmp / "images";
  fs::create_directories(folder / "cat");
  write_text(folder / "cat/1.png", "one");
  write_text(folder / "cat/2.png", "two");
  const auto before = digest_of_input(folder);
  CHECK(before.bytes == 6);
  CHECK(digest_of_input(folder) == before);
  fs::rename(folder / "cat/2.png", folder / "cat/3.png");
  const auto renamed = digest_of_input(folder);
  CHECK(renamed.bytes == 6);
  CHECK_FALSE(renamed == before);
  write_text(folder / "cat/3.png", "TWO");
  CHECK_FALSE(digest_of_input(folder) == renamed);

  // Of a file: that of its content, as sha256sum prints it.
  write_text(tmp / "abc", "abc");
  CHECK(digest_of_input(tmp / "abc").sha256 ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  seal(tmp / "run", {{"data.path", (tmp / "abc").string(), digest_of_input(tmp / "abc")}});
  const auto inputs = read_seal(tmp / "run").inputs;
  REQUIRE(inputs.size() == 1);
  CHECK(inputs[0].key == "data.path");
  CHECK(inputs[0].digest == digest_of_file(tmp / "abc"));
}
