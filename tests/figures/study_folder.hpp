#pragma once
/// Writes study folders with known figures, through the program's own writers.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "../record/temporary_folder.hpp"
#include "figures/run_data.hpp"
#include "record/event_log.hpp"
#include "record/metrics_log.hpp"
#include "record/summary.hpp"

namespace afu::test {

/// One cell's run. Its clock: one accepted update a second, the request at second 100, `latency` later the
/// erasure.
struct SyntheticRun {
  record::Figures before{0.8, 0.9, 0.85, 0.95, 0.7}, final{0.8, 0.7, 0.82, 0.03, 0.5};
  std::optional<record::SetLabels> test_set{{400, 4, 0.4, 1.3}}, retain_set{{300, 4, 0.5, 1.2}};
  double latency = 2, downtime = 0, throughput = 1;
  bool restarted = false, erased = true;
  /// Attack success n rounds behind the erasure.
  std::function<double(double)> attack = [](double) { return 0.03; };
  /// Of the versions behind the erasure, n rounds behind it; `final` where it is not given.
  std::function<double(double)> test, balanced;
};

struct SyntheticStudy {
  TemporaryFolder folder;
  nlohmann::ordered_json manifest;
  std::size_t rounds = 6, tail = 4, round_updates = 2;

  explicit SyntheticStudy(const std::vector<std::uint64_t>& seeds = {1, 2, 3, 4, 5}) {
    manifest = {{"schema", 1},
                {"name", "synthetic"},
                {"help", "Made <up> & known."},
                {"file", "s.toml"},
                {"base", "b.toml"},
                {"command", "afu study s.toml"},
                {"subject", "mine"},
                {"reference", "retrain"},
                {"seeds", seeds},
                {"axes", nlohmann::ordered_json::array()},
                {"arms", nlohmann::ordered_json::array()},
                {"rebound", {{"enabled", true}, {"rounds", 6}, {"tail_rounds", 4}, {"round_updates", 2}}},
                {"statistics",
                 {{"confidence", 0.95},
                  {"margins", {{"test_accuracy", 0.02}, {"attack_success_rate", 0.05}, {"mia_auc", 0.03}}},
                  {"family", {"test_accuracy", "attack_success_rate", "mia_auc"}},
                  {"rebound_margin", 0.05},
                  {"throughput_margin", 0.95},
                  {"latency_ratio", 10.0}}},
                {"claims", {"equivalence", "no_rebound", "no_downtime", "latency"}},
                {"cells", nlohmann::ordered_json::array()}};
  }

  using AxisValues = std::map<std::string, std::string>;  ///< TOML by key

  /// Before the arms: every arm then runs at each combination of the axes' values.
  void axis(const std::string& key, const std::vector<std::string>& values) {
    manifest["axes"].push_back({{"key", key}, {"values", values}});
    std::vector<AxisValues> all;
    for (const auto& combination : combinations)
      for (const auto& value : values) {
        all.push_back(combination);
        all.back()[key] = value;
      }
    combinations = std::move(all);
  }
  std::vector<AxisValues> combinations{{}};

  void arm(const std::string& name, const std::string& role, bool synchronous,
           const std::function<SyntheticRun(std::uint64_t seed)>& run) {
    arm_at(name, role, synchronous, [&](std::uint64_t seed, const AxisValues&) { return run(seed); });
  }
  void arm_at(const std::string& name, const std::string& role, bool synchronous,
              const std::function<SyntheticRun(std::uint64_t seed, const AxisValues&)>& run) {
    manifest["arms"].push_back({{"name", name},
                                {"role", role},
                                {"synchronous", synchronous},
                                {"set", nlohmann::ordered_json::object()}});
    for (const auto& values : combinations)
      for (std::uint64_t seed : manifest["seeds"]) {
        auto where = "cells/" + name;
        auto axes = nlohmann::ordered_json::object();
        for (const auto& [key, value] : values) {
          where += fmt::format("/{}={}", key, value);
          axes[key] = value;
        }
        where += fmt::format("/seed={}", seed);
        manifest["cells"].push_back({{"arm", name}, {"seed", seed}, {"axes", axes}, {"folder", where}});
        write_run(folder.path() / where, name, seed, run(seed, values));
      }
    save();
  }
  std::filesystem::path cell(const std::string& arm, int seed) const {
    return folder.path() / "cells" / arm / fmt::format("seed={}", seed);
  }
  void save() const { write_text(folder / "study.json", manifest.dump(1)); }
  /// Changes a cell's summary.json.
  void edit(const std::string& arm, int seed,
            const std::function<void(nlohmann::ordered_json&)>& change) const {
    const auto file = cell(arm, seed) / "summary.json";
    auto json = nlohmann::ordered_json::parse(text_of(file));
    change(json);
    write_text(file, json.dump(2));
  }
  /// Changes the first `from` in one of a cell's files.
  void replace(const std::string& arm, int seed, const std::string& name, const std::string& from,
               const std::string& to) const {
    const auto file = cell(arm, seed) / name;
    auto text = text_of(file);
    const auto at = text.find(from);
    if (at == text.npos) throw std::logic_error(name + " has no " + from);
    write_text(file, text.replace(at, from.size(), to));
  }

 private:
  void write_run(const std::filesystem::path& where, const std::string& name, std::uint64_t seed,
                 const SyntheticRun& run) const {
    std::filesystem::create_directories(where);
    constexpr double requested = 100;
    const double erased = requested + run.latency;
    record::Summary s;
    s.method = name;
    s.clock = "virtual";
    s.seed = seed;
    s.scenario = "synthetic";
    s.ended = "completed";
    s.final = run.final;
    s.before_erasure = run.before;
    s.test_set = run.test_set;
    s.retain_set = run.retain_set;
    s.updates = 140;
    s.virtual_seconds = 140;
    record::ErasureRecord e;
    e.requested_at = requested;
    if (run.erased) {
      if (!run.restarted) e.merged_at = erased;
      e.forgotten_at = erased;
    }
    e.downtime_seconds = run.downtime;
    e.retained_throughput_ratio = run.throughput;
    e.client_passes = 120;
    s.erasures.push_back(e);
    write_text(where / "summary.json", record::to_json(s).dump(2));

    record::MetricsLog metrics(where / "metrics.csv");
    const auto row = [&](double time, std::uint64_t updates, double attack, const record::Figures& figures,
                         std::uint64_t epoch) {
      record::MetricsRow r;
      r.time = time;
      r.epoch = epoch;
      r.updates = updates;
      r.phase = time < erased ? "training" : "forgotten";
      for (const auto& m : figures::metrics()) r.*m.row = figures.*m.figure;
      if (figures.attack_success_rate) r.attack_success_rate = attack;
      metrics.append(r);
    };
    auto found = run.before;  // what is not measured at the end is not measured at all
    for (const auto& m : figures::metrics())
      if (!(run.final.*m.figure)) (found.*m.figure).reset();
    row(requested, 100, 0.95, found, 0);
    row(erased, 100, 0.95, found, 0);  // the version that the erasure found
    for (std::uint64_t u = 0; u <= (rounds + tail) * round_updates; ++u) {
      const double t = static_cast<double>(u) / static_cast<double>(round_updates);
      auto figures = run.final;
      if (run.test) figures.test_accuracy = run.test(t);
      if (run.balanced) figures.balanced_accuracy = run.balanced(t);
      row(erased + static_cast<double>(u), 100 + u, run.attack(t), figures, 1);
    }
    metrics.close();

    record::EventLog events(where / "events.jsonl");
    const auto client = record::first_client_node;
    for (std::uint64_t u = 1; u <= 140; ++u) {
      const double t = static_cast<double>(u);
      const auto node = client + static_cast<record::NodeId>(u % 2);
      events.append(record::Event{t - 0.9, t - 1, record::EventType::train_task, 0, node, u, 0, 0, 64});
      events.append(record::Event{t - 0.1, t - 0.9, record::EventType::job_done, node, node, u, 0, 0, 0});
      events.append(record::Event{t, t - 0.1, record::EventType::update, node, 0, u, 0, 0, 64});
      events.append(
          record::Decision{t, record::Decision::Kind::merged, static_cast<std::uint32_t>(u % 2), u, 0, 0, 1});
      if (u == 100 && run.restarted)
        events.append(record::Decision{t, record::Decision::Kind::restarted, 0, u, 1, 0, 0});
    }
    events.close();
  }
};

/// Of a test set of three classes, one of them the half of it.
struct Fidelity {
  double accuracy = 0.5, balanced_accuracy = 1.0 / 3, auc = 0.5, loss = 1.04, calibration_error = 0,
         brier_score = 0.625;
};
inline constexpr Fidelity constant_classifier{}, sound_classifier{0.8, 0.7, 0.9, 0.5, 0.05, 0.3};

/// Five seeds in which all arms forget as they should, and are as useful as `mine` and `others`, each a
/// little different from seed to seed by `spread`. Every metric has a margin; `family` is judged.
struct FidelityStudy : SyntheticStudy {
  FidelityStudy(const std::vector<std::string>& family, const Fidelity& mine, const Fidelity& others,
                double spread = 0) {
    auto& statistics = manifest["statistics"];
    for (const auto& m : figures::metrics()) statistics["margins"][m.name] = 0.03;
    statistics["family"] = family;
    const auto run = [=](const Fidelity& of, double latency) {
      return [=](std::uint64_t seed) {
        SyntheticRun r;
        r.latency = latency + 0.01 * static_cast<double>(seed);
        r.test_set = {480, 3, 0.5, 1.04};
        const double shift = spread * (static_cast<double>(seed) - 3);
        for (auto* figures : {&r.before, &r.final}) {
          figures->test_accuracy = of.accuracy + shift;
          figures->balanced_accuracy = of.balanced_accuracy + shift;
          figures->test_auc = of.auc + shift;
          figures->test_loss = of.loss + shift;
          figures->calibration_error = of.calibration_error;
          figures->brier_score = of.brier_score;
        }
        return r;
      };
    };
    arm("mine", "method", false, run(mine, 2));
    arm("retrain", "reference", false, run(others, 30));
    arm("barrier", "method", true, run(others, 25));
  }
};

/// A control that erased and whose attack comes back.
inline SyntheticRun leaking(std::uint64_t seed) {
  SyntheticRun r;
  r.final.attack_success_rate = 0.7;
  r.attack = [seed](double t) {
    return std::min(0.7, 0.05 + 0.1 * t + 0.01 * static_cast<double>(seed % 3));
  };
  return r;
}

/// A study in which every claim of `mine` holds, by figures that differ a little from seed to seed.
inline void fill_good_study(SyntheticStudy& study) {
  const auto wobble = [](std::uint64_t seed) { return 0.001 * static_cast<double>(seed % 3); };
  study.arm("mine", "method", false, [=](std::uint64_t seed) {
    SyntheticRun r;
    *r.final.test_accuracy += wobble(seed);
    r.throughput = 0.99 + wobble(seed);
    r.attack = [](double) { return 0.04; };
    return r;
  });
  study.arm("retrain", "reference", false, [=](std::uint64_t) {
    SyntheticRun r;
    r.latency = 30;
    r.restarted = true;
    return r;
  });
  study.arm("barrier", "method", true, [=](std::uint64_t seed) {
    SyntheticRun r;
    r.latency = 25 + wobble(seed);
    r.downtime = 25;
    return r;
  });
  study.arm("none", "control", false, [=](std::uint64_t) {
    SyntheticRun r;
    r.erased = false;
    r.final.attack_success_rate = 0.9;
    r.attack = [](double) { return 0.9; };
    return r;
  });
  study.manifest["controls"] = {"leak"};
  study.arm("leak", "control", false, [](std::uint64_t seed) { return leaking(seed); });
}

}  // namespace afu::test
