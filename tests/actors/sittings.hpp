#pragma once
/// Runs that are stopped at any moment and go on. A kill is a copy of what the disk held at that moment.
#include <atomic>
#include <functional>
#include <iterator>

#include "lane/checkpoint.hpp"
#include "support.hpp"

namespace afu::test {

namespace fs = std::filesystem;

inline std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A run's files.
struct Place {
  fs::path root;
  explicit Place(const std::string& name)
      : root(fs::temp_directory_path() / ("afu-resume-" + std::to_string(::getpid()) + "-" + name)) {
    fs::remove_all(root);
    fs::create_directories(root);
  }
  ~Place() {
    std::error_code ignored;
    fs::remove_all(root, ignored);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  fs::path at(const std::string& name) const { return root / name; }
  fs::path checkpoint() const { return at("checkpoint.afu"); }
  /// What a kill leaves there now.
  void copy_to(const fs::path& to) const {
    fs::create_directories(to);
    for (const char* name : {"events.jsonl", "checkpoint.afu"}) {
      std::error_code absent;
      fs::copy_file(at(name), to / name, fs::copy_options::overwrite_existing, absent);
    }
  }
};

struct Sitting {
  std::string events, metrics, requests, attacks, calibrations, model, failure;
  bool interrupted = false, on_its_way = false;
  std::uint64_t updates = 0, samples = 0, resumed = 0;
  double away = 0;
  std::vector<record::ErasureRecord> erasures;
  std::vector<std::string> warnings;
};

/// As an undisturbed run would have it.
inline void check_same(const Sitting& a, const Sitting& whole) {
  CHECK(a.failure == "");
  CHECK_FALSE(a.interrupted);
  CHECK(a.model == whole.model);
  CHECK((a.events == whole.events));  // not to be printed
  CHECK(a.metrics == whole.metrics);
  CHECK(a.requests == whole.requests);
  CHECK(a.attacks == whole.attacks);
  CHECK(a.calibrations == whole.calibrations);
  CHECK(a.updates == whole.updates);
  CHECK(a.samples == whole.samples);
}

inline constexpr lane::CheckpointPace often{1e-3, 1};

/// One process's part of the run in `place`: from its checkpoint, where there is one.
inline Sitting sit(const Place& place, const config::Scenario& scenario, actors::RunOptions options = {}) {
  if (fs::exists(place.checkpoint())) {
    options.checkpoint = std::make_shared<lane::Checkpoint>(place.checkpoint(), often,
                                                            lane::read_checkpoint(place.checkpoint()));
    options.checkpoint->begin({}, 2);
  } else {
    options.checkpoint = std::make_shared<lane::Checkpoint>(place.checkpoint(), often);
    options.checkpoint->begin({"a revision", "a time", {}}, 0);
  }
  options.files.events = place.at("events.jsonl").string();
  options.files.metrics = place.at("metrics.csv").string();
  options.files.requests = place.at("requests.csv").string();
  options.files.attacks = place.at("attacks.csv").string();
  options.files.calibrations = place.at("calibrations.csv").string();
  const auto result = actors::run_scenario(scenario, options);
  CHECK(options.checkpoint->failure() == "");
  Sitting s;
  s.events = text_of(place.at("events.jsonl"));
  s.metrics = text_of(place.at("metrics.csv"));
  s.requests = text_of(place.at("requests.csv"));
  s.attacks = text_of(place.at("attacks.csv"));
  s.calibrations = text_of(place.at("calibrations.csv"));
  s.on_its_way = result.on_its_way;
  s.model = result.summary.model_sha256;
  s.failure = result.report.failure;
  s.interrupted = result.report.interrupted;
  s.updates = result.summary.updates;
  s.samples = result.summary.samples_trained;
  s.resumed = result.summary.resumed;
  s.away = result.summary.away_seconds;
  s.erasures = result.summary.erasures;
  s.warnings = result.warnings;
  return s;
}

inline config::Scenario scenario(const std::vector<std::string>& set) {
  device::prepare_process();
  return config::parse_scenario(small, "test.toml", set, methods::method_sections());
}

/// A run, and what kills would have left of it, one about every `apart` updates.
inline Sitting sit_and_copy(const Place& place, const config::Scenario& scenario, const Place& copies,
                            int& count, std::uint64_t apart) {
  actors::RunOptions options;
  std::uint64_t next = 0;
  options.progress = [&](const actors::Progress& p) {
    if (p.updates < next) return;
    next = p.updates + apart;
    place.copy_to(copies.at(std::to_string(count++)));
  };
  return sit(place, scenario, options);
}

/// A checkpoint of the run when `updates` were accepted.
inline void interrupt(const Place& place, const config::Scenario& scenario, std::uint64_t updates) {
  std::atomic<bool> now{false};
  actors::RunOptions options;
  options.interrupt = &now;
  options.progress = [&](const actors::Progress& p) { now = now || p.updates >= updates; };
  REQUIRE(sit(place, scenario, options).interrupted);
}

}  // namespace afu::test
