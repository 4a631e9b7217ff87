/// afu bench checkpoint: what checkpoints cost a run and how large they are, for each network; and how soon a run that was
/// killed after many updates computes something new again.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "actors/launch.hpp"
#include "cli/bench_parts.hpp"
#include "cli/number_in.hpp"
#include "cli/terminal.hpp"
#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "lane/checkpoint.hpp"
#include "methods/registry.hpp"

namespace afu::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// Eight clients of 32 images train asynchronously. One will ask to be forgotten, so that its ledger is kept; not yet, since a
/// run that is told to stop waits for a calibration. Vectors that live: the versions that clients train from, the
/// differences on their way, the ledger's.
constexpr const char* scenario_text = R"(
[scenario]
name = "bench_checkpoint"
[data]
classes = 10
train_samples = 256
val_samples = 64
test_samples = 64
[partition]
clients = 8
holdout_fraction = 0.0
[training]
batch_size = 32
[heterogeneity.compute]
slowdown = { distribution = "lognormal", median = 1.0, sigma = 0.5 }
[evaluation]
every_updates = 1000000
[unlearning]
method = "afu_ic"
[[erasure]]
client = 0
at_update = 1000000
[stop]
updates = 1000000000
)";

struct Options {
  std::vector<std::string> models{"cnn_small", "cnn", "resnet18"};
  double seconds = 120, every = 10;
  std::uint64_t updates = 10'000;
  std::string resumed = "cnn_small", folder, json;
};

/// A folder that is gone with it.
class Scratch {
 public:
  explicit Scratch(const std::string& within) {
    const auto base = within.empty() ? fs::temp_directory_path() : fs::path(within);
    auto name = (base / "afu-bench-XXXXXX").string();
    if (!::mkdtemp(name.data()))
      throw std::runtime_error(
          fmt::format("cannot make a folder in '{}': {}", base.string(), std::strerror(errno)));
    path = name;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  fs::path path;
};

double since(Clock::time_point then) { return std::chrono::duration<double>(Clock::now() - then).count(); }

config::Scenario scenario_of(const std::string& model) {
  const bool coloured = model == "resnet18";
  return config::parse_scenario(
      scenario_text, "bench checkpoint",
      {fmt::format("model.name=\"{}\"", model), fmt::format("data.image_size={}", coloured ? 32 : 28),
       fmt::format("data.channels={}", coloured ? 3 : 1)},
      methods::method_sections());
}

actors::RunOptions options_of(const fs::path& folder, const std::shared_ptr<lane::Checkpoint>& checkpoint) {
  actors::RunOptions options;
  options.checkpoint = checkpoint;
  options.files.events = (folder / "events.jsonl").string();
  return options;
}

/// Throws std::runtime_error where the run or its checkpoints failed.
void check(const actors::RunResult& result, const lane::Checkpoint& checkpoint) {
  if (!result.report.failure.empty()) throw std::runtime_error(result.report.failure);
  if (const auto why = checkpoint.failure(); !why.empty()) throw std::runtime_error(why);
}

struct Row {
  std::string model;
  std::uint64_t vector_bytes = 0, updates = 0;
  double wall = 0;  ///< seconds, until it was told to stop
  lane::CheckpointCost cost;

  double each() const { return cost.count > 0 ? cost.seconds / static_cast<double>(cost.count) : 0; }
  double share() const { return cost.seconds / wall; }
  /// One as often as it is written by default.
  double usual_share() const {
    const lane::CheckpointPace usual;
    return each() / (std::max(usual.every, each() / usual.share) + each());
  }
};

/// The run for so long, with its checkpoints.
Row measure(const std::string& model, const Options& o) {
  const Scratch scratch(o.folder);
  const lane::CheckpointPace pace{o.every};
  const auto checkpoint = std::make_shared<lane::Checkpoint>(scratch.path / "checkpoint.afu", pace);
  checkpoint->begin({}, 0);
  Row row;
  row.model = model;
  std::atomic<bool> over{false};
  Clock::time_point began;
  auto options = options_of(scratch.path, checkpoint);
  options.on_start = [&](const auto&, auto&) { began = Clock::now(); };
  options.interrupt = options.hurry = &over;
  options.progress = [&](const actors::Progress& p) {
    if (over || since(began) < o.seconds) return;
    row.updates = p.updates;
    row.wall = since(began);
    row.cost = checkpoint->cost();  // the last one, which ends the run, is not in its time
    over = true;
  };
  const auto result = actors::run_scenario(scenario_of(model), options);
  check(result, *checkpoint);
  row.vector_bytes = static_cast<std::uint64_t>(model::byte_size(result.report.outcome.model));
  return row;
}

struct Resumed {
  std::uint64_t updates = 0, results = 0, events = 0, bytes = 0;
  double read = 0;   ///< seconds, to read the checkpoint
  double first = 0;  ///< seconds, from then on until the first new result was there
};

/// In a child: a run that is killed once it has so many updates and a checkpoint that holds them.
void kill_one(const fs::path& folder, const Options& o) {
  std::fflush(stdout);  // a child would print it again
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error(fmt::format("fork: {}", std::strerror(errno)));
  if (child == 0) {
    try {
      const lane::CheckpointPace pace{1, 1};
      const auto checkpoint = std::make_shared<lane::Checkpoint>(folder / "checkpoint.afu", pace);
      checkpoint->begin({}, 0);
      auto options = options_of(folder, checkpoint);
      options.progress = [&](const actors::Progress& p) {
        if (p.updates < o.updates || !checkpoint->failure().empty()) return;
        const auto before = checkpoint->cost().count;
        // One may have been begun before: the one behind it holds them all.
        while (checkpoint->cost().count < before + 2 && checkpoint->failure().empty())
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
        ::kill(::getpid(), SIGKILL);
      };
      actors::run_scenario(scenario_of(o.resumed), options);
    } catch (const std::exception& e) {
      tell("afu: {}\n", e.what());
    }
    _exit(1);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) throw std::runtime_error(fmt::format("waitpid: {}", std::strerror(errno)));
  if (!WIFSIGNALED(status)) throw std::runtime_error("the run to be killed ended by itself");
}

Resumed resume(const Options& o) {
  const Scratch scratch(o.folder);
  kill_one(scratch.path, o);
  Resumed r;
  const auto file = scratch.path / "checkpoint.afu";
  const auto began = Clock::now();
  auto held = lane::read_checkpoint(file);
  r.read = since(began);
  r.results = held.results.size();
  r.bytes = fs::file_size(file);
  const auto checkpoint = std::make_shared<lane::Checkpoint>(file, lane::CheckpointPace{}, std::move(held));
  checkpoint->begin({}, 0);
  std::atomic<bool> over{false};
  auto options = options_of(scratch.path, checkpoint);
  options.interrupt = options.hurry = &over;
  options.progress = [&](const actors::Progress& p) {
    if (over || !checkpoint->first_result()) return;
    r.updates = p.updates;
    over = true;
  };
  const auto result = actors::run_scenario(scenario_of(o.resumed), options);
  check(result, *checkpoint);
  r.events = result.summary.events;
  r.first = checkpoint->first_result().value();
  return r;
}

int bench_checkpoint(const Options& o) {
  nlohmann::ordered_json j{{"bench", "checkpoint"}};
  if (o.updates > 0) {  // first: a process that has trained already could not be forked
    const auto r = resume(o);
    print(
        "{} killed after {} updates, {} events: {:.1f} MB read in {:.2f} s, the first new result {:.2f} s after that\n\n",
        o.resumed, r.updates, r.events, static_cast<double>(r.bytes) * 1e-6, r.read, r.first);
    j["resumed"] = {{"model", o.resumed},       {"updates", r.updates},       {"events", r.events},
                    {"results", r.results},     {"bytes", r.bytes},           {"read_seconds", r.read},
                    {"first_seconds", r.first}, {"seconds", r.read + r.first}};
  }
  print("{:>10} {:>9} {:>8} {:>7} {:>11} {:>8} {:>10} {:>9} {:>9} {:>9} {:>14}\n", "network", "model MB",
        "updates", "wall s", "checkpoints", "file MB", "MB written", "s each", "longest", "share %",
        "share at 60 s %");
  for (const auto& model : o.models) {
    const auto row = measure(model, o);
    const auto mb = [](std::uint64_t bytes) { return static_cast<double>(bytes) * 1e-6; };
    print("{:>10} {:>9.2f} {:>8} {:>7.1f} {:>11} {:>8.1f} {:>10.1f} {:>9.3f} {:>9.3f} {:>9.2f} {:>14.2f}\n",
          model, mb(row.vector_bytes), row.updates, row.wall, row.cost.count, mb(row.cost.bytes),
          mb(row.cost.written), row.each(), row.cost.longest, 100 * row.share(), 100 * row.usual_share());
    j["rows"].push_back({{"model", model},
                         {"model_bytes", row.vector_bytes},
                         {"updates", row.updates},
                         {"wall_seconds", row.wall},
                         {"checkpoints", row.cost.count},
                         {"file_bytes", row.cost.bytes},
                         {"bytes_written", row.cost.written},
                         {"seconds_each", row.each()},
                         {"seconds_longest", row.cost.longest},
                         {"share", row.share()},
                         {"share_at_60_s", row.usual_share()}});
  }
  if (!o.json.empty()) write_json(j, o.json);
  return 0;
}

}  // namespace

std::function<int()> declare_bench_checkpoint(CLI::App& bench) {
  auto o = std::make_shared<Options>();
  bench.add_option("--models", o->models, "Networks, one run each, as in cnn_small,resnet18")
      ->delimiter(',')
      ->capture_default_str()
      ->check(ModelOptions::built_in());
  bench.add_option("--seconds", o->seconds, "How long each run lasts")
      ->capture_default_str()
      ->check(number_in(1e-3, 1e6));
  bench.add_option("--every", o->every, "output.checkpoint_every of these runs, seconds")
      ->capture_default_str()
      ->check(number_in(1e-3, 1e6));
  bench.add_option("--updates", o->updates, "After how many a run is killed that then goes on; 0: none is")
      ->capture_default_str();
  bench.add_option("--resumed", o->resumed, "Its network")
      ->capture_default_str()
      ->check(ModelOptions::built_in());
  bench
      .add_option("--folder", o->folder,
                  "Within which the files are, on the disk to be measured; the system's for "
                  "temporary files where it is not given")
      ->check(CLI::ExistingDirectory);
  bench.add_option("--json", o->json, "Also write this file");
  return [o] { return bench_checkpoint(*o); };
}

}  // namespace afu::cli
