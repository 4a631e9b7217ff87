// Folders of runs and studies as `afu report` reads them, of which one file is arbitrary: they become a
// report, or are refused by ReportError. The first byte says which file the rest is; the others are as afu
// writes them.
#include <nlohmann/json.hpp>

#include "harness.hpp"
#include "page/report.hpp"
#include "page/tables_distance.hpp"
#include "page/timeline.hpp"
#include "record/attack_log.hpp"
#include "record/calibration_log.hpp"
#include "record/event_log.hpp"
#include "record/metrics_log.hpp"
#include "record/summary.hpp"
#include "record/trace.hpp"

namespace {

using namespace afu;
namespace fs = std::filesystem;

const char* const run_files[] = {"summary.json", "metrics.csv",      "events.jsonl",
                                 "trace.json",   "calibrations.csv", "attacks.csv"};
constexpr std::size_t files = 8;  ///< these, and a study's study.json and distances.csv
const char* const cell = "cells/afu_ic/seed=1";

/// A run of two clients, of which the first asks to be forgotten.
void write_run(const fs::path& folder) {
  fs::create_directories(folder);
  using Kind = record::Decision::Kind;
  using Type = record::EventType;
  record::EventLog events(folder / "events.jsonl");
  record::MetricsLog metrics(folder / "metrics.csv");
  {
    record::TraceBuilder trace(folder / "trace.json", 2);
    const auto add = [&](const auto& e) { events.append(e), trace.add(e); };
    for (std::uint64_t i = 0; i < 6; ++i) {
      const auto client = static_cast<std::uint32_t>(i % 2);
      const double t = 1.0 + static_cast<double>(i);
      add(record::Event{t - 0.9, t - 1, Type::train_task, record::server_node,
                        record::first_client_node + client, i, i, 0, 4096});
      add(record::Event{t - 0.1, t - 0.9, Type::job_done, record::first_client_node + client,
                        record::first_client_node + client, i, i, 0, 0});
      add(record::Event{t, t - 0.1, Type::update, record::first_client_node + client, record::server_node, i,
                        i, 0, 4096});
      add(record::Decision{t, Kind::merged, client, i + 1, 0, i % 3, 0.5});
      record::MetricsRow row;
      row.version = i + 1, row.updates = i + 1, row.time = t,
      row.test_accuracy = 0.5 + 0.05 * static_cast<double>(i);
      row.attack_success_rate = 0.8, row.phase = i < 3 ? "training" : "forgotten";
      metrics.append(row);
      if (i == 2) {
        add(record::Event{t, t, Type::erase_request, record::first_client_node, record::server_node, 0, 3, 0,
                          0});
        add(record::Decision{t, Kind::halted, 0, 3, 0, 0, 0});
        add(record::Decision{t + 0.2, Kind::erasure_merged, 0, 4, 1, 0, 1});
        add(record::Decision{t + 0.3, Kind::resumed, 0, 4, 1, 0, 0});
        add(record::Decision{t + 0.4, Kind::forgotten, 0, 4, 1, 0, 0});
      }
    }
    trace.add(record::LaneSpan{0, "train client/1", 0, 0.5});
    trace.finish();
  }
  events.close(), metrics.close();
  record::CalibrationLog calibrations(folder / "calibrations.csv");
  record::CalibrationRecord calibration;
  calibration.number = 1, calibration.began = 3, calibration.ended = 4, calibration.steps = 8;
  calibrations.append(calibration), calibrations.close();
  record::AttackLog attacks(folder / "attacks.csv");
  attacks.append({"final", 6, 6, 6.0, "loss_threshold", "auc", 0.5}), attacks.close();

  record::Summary s;
  s.method = "afu_ic", s.clock = "virtual", s.scenario = "fuzzed", s.ended = "completed", s.seed = 1;
  s.final.test_accuracy = 0.75, s.before_erasure.test_accuracy = 0.6;
  s.attacks.push_back({"final", 6, 6, 6.0, "loss_threshold", "auc", 0.5});
  record::ErasureRecord erasure;
  erasure.requested_at = 3, erasure.merged_at = 3.2, erasure.forgotten_at = 3.4,
  erasure.downtime_seconds = 0.3;
  s.erasures.push_back(erasure);
  s.updates = 6, s.virtual_seconds = 6, s.wall_seconds = 0.1, s.devices = {"cpu"};
  fuzz::write_text(folder / "summary.json", record::to_json(s).dump(2) + "\n");
  fuzz::write_text(folder / "scenario.toml", "[scenario]\nname = \"fuzzed\"\n");
}

const char* const study_json = R"({"schema": 1, "name": "s", "help": "", "file": "s.toml", "base": "b.toml",
"command": "afu study s.toml", "subject": "afu_ic", "reference": "retrain", "distances": ["retrain"], "seeds": [1],
"set": {}, "axes": [], "arms": [{"name": "afu_ic", "role": "method", "synchronous": false, "set": {}},
{"name": "retrain", "role": "reference", "synchronous": false, "set": {}}],
"rebound": {"enabled": true, "rounds": 3, "tail_rounds": 1, "round_updates": 2},
"statistics": {"confidence": 0.95, "margins": {"test_accuracy": 0.02}, "family": ["test_accuracy"],
"late_evaluations": 2, "rebound_margin": 0.05, "throughput_margin": 0.95, "latency_ratio": 10},
"claims": ["equivalence", "no_rebound", "no_downtime"], "claims_left_out": [{"claim": "latency", "why": "no arm halts"}],
"cells": [{"arm": "afu_ic", "seed": 1, "axes": {}, "folder": "cells/afu_ic/seed=1"},
{"arm": "retrain", "seed": 1, "axes": {}, "folder": "cells/retrain/seed=1"}]})";
const char* const distances_csv = "cell,point,figure,value\ncells/afu_ic/seed=1,final,forget.js,0.25\n";

/// The folders as they are sound, once a process.
struct Folders {
  fuzz::Folder root;
  fs::path run = root / "run", study = root / "study";
  std::map<fs::path, std::string> sound;

  Folders() {
    write_run(run);
    write_run(study / cell);
    write_run(study / "cells/retrain/seed=1");
    fuzz::write_text(study / "study.json", study_json);
    fuzz::write_text(study / "distances.csv", distances_csv);
    for (const auto& entry : fs::recursive_directory_iterator(root.path())) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      sound[entry.path()] = {std::istreambuf_iterator<char>(in), {}};
    }
  }
  fs::path file(std::size_t kind, bool in_study) const {
    if (kind == 6) return study / "study.json";
    if (kind == 7) return study / "distances.csv";
    return (in_study ? study / cell : run) / run_files[kind];
  }
};

const Folders& folders() {
  static const Folders made;
  return made;
}

void report_or_refuse(const fs::path& folder) {
  try {
    const auto document = page::report_on(folder);
    page::to_html(document);
    page::to_markdown(document);
    for (const auto* table : page::tables_of(document)) page::to_csv(*table), page::to_latex(*table);
  } catch (const figures::ReportError&) {
    // the only answer to bad input
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  std::map<std::string, std::string> seeds;
  for (std::size_t kind = 0; kind < files; ++kind) {
    const auto file = folders().file(kind, false);
    seeds[file.filename().string()] = std::string(1, static_cast<char>(kind)) + folders().sound.at(file);
  }
  fuzz::write_seeds_if_asked(*argc, *argv, seeds);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto& made = folders();
  const std::size_t kind = data[0] % files;
  const bool in_study = kind >= 6 || data[0] >= 128;
  const auto file = made.file(kind, in_study);
  fuzz::write_text(file, fuzz::text_of(data + 1, size - 1));
  report_or_refuse(in_study ? made.study : made.run);
  fuzz::write_text(file, made.sound.at(file));
  return 0;
}
