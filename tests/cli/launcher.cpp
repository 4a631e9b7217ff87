/// The launcher as a user meets it: verbs, exit statuses, the run's folder, the reference.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "config/loader.hpp"
#include "config/writer.hpp"
#include "unlearn/registry.hpp"

#include <doctest/doctest.h>

using namespace afu;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("afu-cli-" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  /// Not fs::remove_all: PyPI's libtorch exports a broken one of its own, which would be called.
  ~Folder() {
    if (std::system(("rm -rf '" + path.string() + "'").c_str()) != 0)
      MESSAGE("left behind: " << path.string());
  }
};

std::string content(const fs::path& p) {
  std::ifstream in(p);
  std::stringstream s;
  s << in.rdbuf();
  return s.str();
}

struct Answer {
  int status;
  std::string out, err;
};
Answer afu_command(const Folder& f, const std::string& arguments) {
  const auto out = f.path / "out", err = f.path / "err";
  const auto command =
      std::string(AFU_BINARY) + " " + arguments + " > " + out.string() + " 2> " + err.string();
  const int status = std::system(command.c_str());
  return {WEXITSTATUS(status), content(out), content(err)};
}

const char* tiny = R"([scenario]
name = "tiny"
[data]
image_size = 8
classes = 2
train_samples = 60
val_samples = 40
test_samples = 20
[partition]
clients = 3
[model]
name = "logreg"
[[erasure]]
client = 1
at_update = 5
[stop]
updates = 12
)";

}  // namespace

TEST_CASE("configs/reference.toml is what the options say") {
  CHECK(content(fs::path(AFU_SOURCE_DIR) / "configs/reference.toml") ==
        config::reference_toml(unlearn::method_sections()));
}

TEST_CASE("every scenario in configs/ loads") {
  int count = 0;
  for (const auto& e : fs::recursive_directory_iterator(fs::path(AFU_SOURCE_DIR) / "configs")) {
    if (e.path().extension() != ".toml") continue;
    ++count;
    CAPTURE(e.path().string());
    CHECK_NOTHROW(config::load_scenario(e.path().string(), {}, unlearn::method_sections()));
  }
  CHECK(count >= 15);
}

TEST_CASE("a run writes its folder once, and its summary keeps the contract") {
  Folder f;
  std::ofstream(f.path / "tiny.toml") << tiny;
  const auto run = "run " + (f.path / "tiny.toml").string() + " -o " + (f.path / "r").string();
  const auto first = afu_command(f, run);
  CHECK(first.status == 0);
  CHECK(first.out.find("before erasure") != std::string::npos);
  for (const char* name :
       {"scenario.toml", "metrics.csv", "events.jsonl", "trace.json", "model.pt", "summary.json"})
    CHECK(fs::file_size(f.path / "r" / name) > 0);
  const auto summary = nlohmann::json::parse(content(f.path / "r/summary.json"));
  for (const char* key :
       {"schema", "context", "method", "clock", "final", "before_erasure", "erasures", "counters",
        "virtual_seconds", "wall_seconds", "overrun_share", "peak_rss_bytes", "model_sha256"})
    CHECK(summary.contains(key));
  CHECK(summary.size() == 13);
  CHECK(summary["final"]["attack_success_rate"].is_null());  // no backdoor
  CHECK(summary["overrun_share"].is_null());                 // virtual clock
  CHECK(summary["counters"]["updates"] == 12);
  CHECK_NOTHROW(nlohmann::json::parse(content(f.path / "r/trace.json")));

  const auto second = afu_command(f, run);
  CHECK(second.status == 2);
  CHECK(second.err.find("--force") != std::string::npos);
  const auto again =
      afu_command(f, "run " + (f.path / "r/scenario.toml").string() + " -q -o " + (f.path / "r2").string());
  CHECK(again.status == 0);
  CHECK(again.out.empty());
  CHECK(content(f.path / "r/events.jsonl") == content(f.path / "r2/events.jsonl"));
}

TEST_CASE("mistakes exit with 2 and name their place") {
  Folder f;
  std::ofstream(f.path / "bad.toml") << "[training]\nlr = 3.0\nepoch = 2\n[stop]\nupdates = 3\n";
  const auto bad = afu_command(f, "run " + (f.path / "bad.toml").string());
  CHECK(bad.status == 2);
  CHECK(bad.err.find("bad.toml:2:6: training.lr: 3.0") != std::string::npos);
  CHECK(bad.err.find("local_epochs") != std::string::npos);
  std::ofstream(f.path / "tiny.toml") << tiny;
  const auto form =
      afu_command(f, "check " + (f.path / "tiny.toml").string() + " --set unlearning.coordination=blocking");
  CHECK(form.status == 2);
  CHECK(form.err.find("afu_ic") != std::string::npos);
  CHECK(afu_command(f, "").status == 2);
  CHECK(afu_command(f, "fly").status == 2);
  CHECK(afu_command(f, "--help").status == 0);
  CHECK(afu_command(f, "data " + (f.path / "none.npz").string()).status == 2);
}
