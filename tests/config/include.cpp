// Includes and overrides.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/scenario.hpp"
#include "support.hpp"

using namespace afu::config;
using namespace afu::config::test;
using Messages = std::vector<std::string>;
namespace fs = std::filesystem;

namespace {

/// A folder of files that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "afu-config-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  std::string write(const std::string& name, const std::string& text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream{path_ / name} << text;
    return at(name);
  }
  std::string at(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

Messages load_errors(const std::string& file, const std::vector<std::string>& overrides = {}) {
  try {
    load_scenario(file, overrides, methods());
  } catch (const ConfigError& e) {
    return e.messages();
  }
  return {};
}

}  // namespace

TEST_CASE("the including file wins, key by key; arrays and distributions are replaced as a whole") {
  Folder f;
  f.write("shared/deep.toml", "[training]\nlr = 0.5\nmomentum = 0.1\n[stop]\nupdates = 50\n");
  f.write("shared/base.toml", R"(include = "deep.toml"
[training]
momentum = 0.2
batch_size = 7
[heterogeneity.compute]
slowdown = { distribution = "lognormal", median = 2.0, sigma = 0.1 }
[[erasure]]
client = 1
at_update = 5
[[erasure]]
client = 2
at_update = 6
)");
  f.write("other.toml", "[training]\nbatch_size = 9\n");
  auto file = f.write("s.toml", R"(include = ["shared/base.toml", "other.toml"]
[training]
lr = 0.25
[heterogeneity.compute]
slowdown = { distribution = "uniform", min = 1, max = 3 }
[[erasure]]
client = 3
at_update = 7
)");
  auto s = load_scenario(file, {}, methods());
  CHECK(s.file == file);
  CHECK(s.training.lr == 0.25);
  CHECK(s.training.momentum == 0.2);
  CHECK(s.training.batch_size == 9);
  CHECK(s.stop.updates == 50);
  CHECK(s.heterogeneity.compute.slowdown.kind == "uniform");
  CHECK(s.heterogeneity.compute.slowdown.parameters == std::map<std::string, double>{{"max", 3}, {"min", 1}});
  REQUIRE(s.erasures.size() == 1);
  CHECK(s.erasures[0].client == 3);
}

TEST_CASE("errors name the file in which the value stands") {
  Folder f;
  auto base = f.write("sub/base.toml", "[training]\nlr = 3.0\nbatch_size = 0\n");
  auto file =
      f.write("s.toml",
              "include = \"sub/base.toml\"\n[training]\nbatch_size = 8\nmomentum = 5\n[stop]\nupdates = 1\n");
  CHECK(load_errors(file) == Messages{base + ":2:6: training.lr: 3.0 is outside (0, 1]",
                                      file + ":4:12: training.momentum: 5 is outside [0, 0.9999]"});
}

TEST_CASE("includes that cannot be") {
  Folder f;
  SUBCASE("missing") {
    auto file = f.write("s.toml", "include = \"nowhere.toml\"\n");
    CHECK(load_errors(file) == Messages{file + ":1:11: include: " + f.at("nowhere.toml") + ": no such file"});
  }
  SUBCASE("missing, and the file's own values are looked at all the same, each by itself") {
    auto file = f.write(
        "s.toml",
        "include = \"nowhere.toml\"\n[training]\nlr = 3.0\nepoch = 2\n[[erasure]]\nclient = 99\nat_update = 5\n");
    CHECK(load_errors(file, {"training.momentum=7", "erasure[3].client=1"}) ==
          Messages{file + ":1:11: include: " + f.at("nowhere.toml") + ": no such file",
                   file + ":3:6: training.lr: 3.0 is outside (0, 1]",
                   file + ":4:1: training.epoch: unknown key, did you mean local_epochs?",
                   "--set training.momentum: 7 is outside [0, 0.9999]"});
  }
  SUBCASE("a syntax error in what is included hides nothing of the file itself") {
    auto x = f.write("x.toml", "a = \n");
    auto file = f.write("s.toml", "include = \"x.toml\"\n[training]\nlr = 3.0\n");
    const auto errors = load_errors(file);
    REQUIRE(errors.size() == 2);
    CHECK(errors[0].find(x + ":1:5: ") == 0);
    CHECK(errors[1] == file + ":3:6: training.lr: 3.0 is outside (0, 1]");
  }
  SUBCASE("a cycle") {
    auto a = f.write("a.toml", "include = \"b.toml\"\n");
    auto b = f.write("b.toml", "\ninclude = \"a.toml\"\n");
    CHECK(load_errors(a) ==
          Messages{b + ":2:11: include: \"a.toml\" includes itself: " + a + " -> " + b + " -> " + a});
  }
  SUBCASE("twice the same file is no cycle") {
    f.write("x.toml", "[stop]\nupdates = 3\n");
    f.write("y.toml", "include = \"x.toml\"\n");
    auto file = f.write("s.toml", "include = [\"x.toml\", \"y.toml\"]\n");
    CHECK(load_scenario(file, {}, methods()).stop.updates == 3);
  }
  SUBCASE("no name") {
    auto file = f.write("s.toml", "include = [3]\n");
    CHECK(
        load_errors(file) ==
        Messages{file + ":1:12: include: 3 is a whole number, allowed is a file's name or an array of them"});
  }
  SUBCASE("syntax") {
    auto x = f.write("x.toml", "a = \n");
    auto file = f.write("s.toml", "include = \"x.toml\"\n");
    CHECK(load_errors(file) ==
          Messages{x + ":1:5: Error while parsing key-value pair: expected value, saw '\\n'"});
  }
}

TEST_CASE("what is no regular file is not included, and not waited for") {
  Folder f;
  REQUIRE(::mkfifo(f.at("pipe.toml").c_str(), 0600) == 0);
  for (const auto& name : {f.at("pipe.toml"), std::string("/dev/zero")}) {
    const auto file = f.write("s.toml", "include = \"" + name + "\"\n");
    const auto errors = load_errors(file);
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].find("this is a pipe or a device, allowed is a regular file") != std::string::npos);
  }
}

TEST_CASE("a file that many include is read once") {
  Folder f;
  constexpr int levels = 25;  // 2^25 ways down
  for (int i = 0; i < levels; ++i) {
    const auto next = "\"" + std::to_string(i + 1) + ".toml\"";
    f.write(std::to_string(i) + ".toml", "include = [" + next + ", " + next + "]\n");
  }
  f.write(std::to_string(levels) + ".toml", "[stop]\nupdates = 3\n");
  CHECK(load_scenario(f.at("0.toml"), {}, methods()).stop.updates == 3);
}

TEST_CASE("the later include wins, also with what both of them include") {
  Folder f;
  f.write("common.toml", "[training]\nlr = 0.125\n[stop]\nupdates = 3\n");
  f.write("one.toml", "include = \"common.toml\"\n[training]\nlr = 0.25\n");
  f.write("two.toml", "include = \"common.toml\"\n[training]\nmomentum = 0.5\n");
  const auto both =
      load_scenario(f.write("s.toml", "include = [\"one.toml\", \"two.toml\"]\n"), {}, methods());
  CHECK(both.training.lr == 0.125);
  CHECK(both.training.momentum == 0.5);
}

TEST_CASE("there is an end to how many files and includes a scenario has") {
  Folder f;
  std::string list, again;
  for (int i = 0; i < 300; ++i) {
    f.write(std::to_string(i) + ".toml", "");
    list += "\"" + std::to_string(i) + ".toml\", ";
  }
  const auto files = load_errors(f.write("files.toml", "include = [" + list + "]\n[stop]\nupdates = 3\n"));
  REQUIRE(files.size() == 44);
  CHECK(files[0].find("this is one of more than 256 included files") != std::string::npos);
  for (int i = 0; i < 10'001; ++i) again += "\"0.toml\", ";
  const auto includes =
      load_errors(f.write("again.toml", "include = [" + again + "]\n[stop]\nupdates = 3\n"));
  REQUIRE(includes.size() == 1);
  CHECK(includes[0].find("this is one of more than 10000 includes") != std::string::npos);
}

TEST_CASE("a scenario that is no file") {
  Folder f;
  const auto refused = [&](const std::string& file) -> std::string {
    try {
      load_scenario(file, {}, methods());
    } catch (const ConfigError&) {
      return "a ConfigError, of which each line has a place";
    } catch (const afu::InputError& e) {
      return e.what();
    }
    return "it loaded";
  };
  CHECK(refused(f.at("gone.toml")) == f.at("gone.toml") + ": no such file");
  CHECK(refused(f.at("")) == f.at("") + ": this is a folder, allowed is a file");
}

TEST_CASE("overrides") {
  const std::string text = "[[erasure]]\nclient = 1\nat_update = 5\n[stop]\nupdates = 50\n";
  SUBCASE("values of every type, bare strings, new sections") {
    auto s = parsed(text, {"training.lr=0.01", "training.rule=fedbuff", "output.trace=false",
                           "scenario.name=\"x y\"", "scenario.name=n7", "unlearning.fedquit.epochs=4",
                           "compute.devices=[\"cuda:0\",\"cpu\"]", "output.folder=", "output.folder=a=b"});
    CHECK(s.training.lr == 0.01);
    CHECK(s.training.rule == Rule::fedbuff);
    CHECK_FALSE(s.output.trace);
    CHECK(s.scenario.name == "n7");
    CHECK(s.unlearning.methods.at("fedquit").integer("epochs") == 4);
    CHECK(s.compute.devices == std::vector<std::string>{"cuda:0", "cpu"});
    CHECK(s.output.folder == "a=b");
  }
  SUBCASE("elements of arrays, in both spellings; one after the last is new") {
    auto s = parsed(
        text, {"erasure[0].client=2", "erasure.0.at_update=6", "erasure[1]={client=4,at_update=9}",
               "heterogeneity.compute.override.0.client=3", "heterogeneity.compute.override[0].slowdown=5"});
    REQUIRE(s.erasures.size() == 2);
    CHECK(s.erasures[0].client == 2);
    CHECK(s.erasures[0].at_update == 6);
    CHECK(s.erasures[1].client == 4);
    REQUIRE(s.heterogeneity.compute.overrides.size() == 1);
    CHECK(s.heterogeneity.compute.overrides[0].slowdown == 5);
  }
  SUBCASE("distributions") {
    auto s = parsed(text, {"heterogeneity.compute.slowdown={distribution=\"lognormal\",sigma=0.3}",
                           "heterogeneity.compute.slowdown.median=4", "heterogeneity.compute.jitter=2"});
    CHECK(s.heterogeneity.compute.slowdown.parameters ==
          std::map<std::string, double>{{"median", 4}, {"sigma", 0.3}});
    CHECK(s.heterogeneity.compute.jitter.parameters == std::map<std::string, double>{{"value", 2}});
  }
  SUBCASE("a table for a section sets its own keys and leaves the others") {
    auto s = parsed("[training]\nbatch_size = 16\nlr = 0.3\n" + text,
                    {"training={lr=0.1, local_epochs=3}", "heterogeneity={compute={jitter=2}}"});
    CHECK(s.training.batch_size == 16);
    CHECK(s.training.lr == 0.1);
    CHECK(s.training.local_epochs == 3);
    CHECK(s.heterogeneity.compute.jitter.parameters == std::map<std::string, double>{{"value", 2}});
  }
  SUBCASE("wrong ones") {
    auto wrong = [&](const std::string& o) { return errors_of(text, {o}); };
    CHECK(wrong("training.lr=3.0") == Messages{"--set training.lr: 3.0 is outside (0, 1]"});
    CHECK(wrong("training.epoch=3") ==
          Messages{"--set training.epoch: unknown key, did you mean local_epochs?"});
    CHECK(wrong("training.lr") ==
          Messages{"--set training.lr: this override is malformed, allowed is section.key=value"});
    CHECK(wrong("erasure.0.client=9") ==
          Messages{"--set erasure.0.client: 9 is outside [0, 7], partition.clients is 8"});
    CHECK(wrong("erasure[5].client=2") ==
          Messages{"--set erasure[5].client: erasure has 1 elements, allowed is an index in [0, 1]"});
    CHECK(wrong("erasure.x.client=2") ==
          Messages{"--set erasure.x.client: erasure has 1 elements, allowed is an index in [0, 1]"});
    CHECK(wrong("stop.updates.x=2") ==
          Messages{"--set stop.updates.x: stop.updates is a whole number, it has no keys"});
    CHECK(wrong("stop={updates=-3}") == Messages{"--set stop: stop.updates: -3 is outside [0, inf)"});
  }
}

TEST_CASE("paths of data: as they are, beside the scenario, in the working folder, in AFU_DATA_DIR") {
  Folder f;
  auto beside = f.write("scenarios/here.npz", "x");
  auto elsewhere = f.write("data/there.npz", "x");
  auto scenario = f.at("scenarios/s.toml");
  const char* before = std::getenv("AFU_DATA_DIR");
  std::string kept = before ? before : "";

  unsetenv("AFU_DATA_DIR");
  CHECK(resolve_data_path("here.npz", scenario) == beside);
  CHECK(resolve_data_path(elsewhere, scenario) == elsewhere);
  auto refused = [&](const std::string& path) -> std::string {
    try {
      return resolve_data_path(path, scenario);
    } catch (const std::runtime_error& e) {
      return e.what();
    }
  };
  CHECK(refused("there.npz") == "there.npz: no such file or folder; tried " + f.at("scenarios/there.npz") +
                                    ", " + (fs::current_path() / "there.npz").string() +
                                    "; AFU_DATA_DIR is not set");
  CHECK(refused(f.at("no")) == f.at("no") + ": no such file or folder; tried " + f.at("no"));
  CHECK(refused("breastmnist.npz").find("; tools/fetch_medmnist.sh breastmnist fetches it") !=
        std::string::npos);
  CHECK(refused("oasis_alzheimer_28.npz").find("; configs/README.md, Data sets, tells") != std::string::npos);
  setenv("AFU_DATA_DIR", f.at("data").c_str(), 1);
  CHECK(resolve_data_path("there.npz", scenario) == elsewhere);
  CHECK(resolve_data_path("there.npz", "") == elsewhere);  // no scenario: `afu data there.npz`
  CHECK_THROWS_WITH(resolve_data_path("gone", ""),
                    ("gone: no such file or folder; tried " + (fs::current_path() / "gone").string() + ", " +
                     f.at("data/gone"))
                        .c_str());
  CHECK(refused("gone") == "gone: no such file or folder; tried " + f.at("scenarios/gone") + ", " +
                               (fs::current_path() / "gone").string() + ", " + f.at("data/gone"));

  auto s = parse_scenario(
      "data.source = \"npz\"\ndata.path = \"there.npz\"\nstop.updates = 1\n"
      "heterogeneity.compute.slowdown = { distribution = \"trace\", path = \"here.npz\" }\n",
      scenario, {}, methods());
  auto absolute = with_absolute_paths(s);
  CHECK(absolute.data.path == elsewhere);
  CHECK(absolute.heterogeneity.compute.slowdown.path == beside);
  s.data.path = "gone";
  CHECK_THROWS_WITH_AS(with_absolute_paths(s), doctest::Contains("data.path: gone: no such file"),
                       std::runtime_error);
  if (before) {
    setenv("AFU_DATA_DIR", kept.c_str(), 1);
  } else {
    unsetenv("AFU_DATA_DIR");
  }
}
