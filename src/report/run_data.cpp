#include "report/run_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>

#include "record/metrics_log.hpp"
#include "report/csv_line.hpp"
#include "report/json_file.hpp"

namespace afu::report {

namespace fs = std::filesystem;

namespace {

record::Figures figures(const JsonPlace& j) {
  record::Figures f;
  for (const auto& m : metrics()) f.*m.figure = j.figure(m.name);
  return f;
}

record::ErasureRecord erasure(const JsonPlace& j) {
  record::ErasureRecord e;
  e.client = j.at("client").value().is_null() ? -1 : j.get<std::int64_t>("client");
  e.requested_at = j.get<double>("requested_at");
  e.merged_at = j.figure("merged_at");
  e.forgotten_at = j.figure("forgotten_at");
  e.downtime_seconds = j.figure("downtime_seconds");
  e.retained_throughput_ratio = j.figure("retained_throughput_ratio");
  e.rebound_max = j.figure("rebound_max");
  e.rebound_end = j.figure("rebound_end");
  e.lost_updates = j.get<std::int64_t>("lost_updates");
  e.late_updates = j.get<std::int64_t>("late_updates");
  return e;
}

std::string text_or_empty(const JsonPlace& j, const char* key) {
  return j.has(key) && j.at(key).value().is_string() ? j.get<std::string>(key) : std::string();
}

record::Summary to_summary(const JsonPlace& j) {
  record::Summary s;
  const auto context = j.at("context");
  s.method = text_or_empty(j, "method");
  s.clock = text_or_empty(j, "clock");
  s.final = figures(j.at("final"));
  s.before_erasure = figures(j.at("before_erasure"));
  const auto erasures = j.at("erasures");
  for (std::size_t i = 0; i < erasures.size(); ++i) s.erasures.push_back(erasure(erasures.at(i)));
  if (context.has("erasure_costs")) {
    const auto costs = context.at("erasure_costs");
    for (std::size_t i = 0; i < std::min(costs.size(), s.erasures.size()); ++i) {
      s.erasures[i].client_passes = costs.at(i).get<double>("client_passes");
      s.erasures[i].server_passes = costs.at(i).get<double>("server_passes");
      s.erasures[i].stored_bytes = costs.at(i).get<std::uint64_t>("stored_bytes");
    }
  }
  const auto counters = j.at("counters");
  s.updates = counters.get<std::uint64_t>("updates");
  s.samples_trained = counters.get<std::uint64_t>("samples_trained");
  s.messages = counters.get<std::uint64_t>("messages");
  s.bytes_sent = counters.get<std::uint64_t>("bytes_sent");
  s.virtual_seconds = j.figure("virtual_seconds").value_or(0);
  s.wall_seconds = j.figure("wall_seconds").value_or(0);
  s.overrun_share = j.figure("overrun_share");
  s.model_sha256 = text_or_empty(j, "model_sha256");
  s.seed = context.get<std::uint64_t>("seed");
  s.ended = text_or_empty(context, "ended");
  s.scenario = text_or_empty(context, "scenario");
  s.revision = text_or_empty(context, "revision");
  s.started = text_or_empty(context, "started");
  return s;
}

std::string plain(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

std::vector<std::pair<std::string, std::string>> context_of(const Json& summary) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [key, value] : summary.at("context").items()) {
    if (key == "erasure_costs" || value.is_null()) continue;
    if (value.is_object())
      for (const auto& [name, version] : value.items()) out.emplace_back(name, plain(version));
    else
      out.emplace_back(key, plain(value));
  }
  return out;
}

}  // namespace

const std::vector<Metric>& metrics() {
  using F = record::Figures;
  using R = record::MetricsRow;
  static const std::vector<Metric> all{
      {"test_accuracy", "test accuracy", &F::test_accuracy, &R::test_accuracy},
      {"forget_accuracy", "forget accuracy", &F::forget_accuracy, &R::forget_accuracy},
      {"retain_accuracy", "retain accuracy", &F::retain_accuracy, &R::retain_accuracy},
      {"attack_success_rate", "attack success rate", &F::attack_success_rate, &R::attack_success_rate},
      {"mia_auc", "membership AUC", &F::mia_auc, &R::mia_auc}};
  return all;
}

const Metric* find_metric(const std::string& name) {
  for (const auto& m : metrics())
    if (m.name == name) return &m;
  return nullptr;
}

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in || fs::is_directory(file)) throw ReportError(file.string() + ": cannot be opened");
  std::ostringstream text;
  text << in.rdbuf();
  if (in.bad()) throw ReportError(file.string() + ": cannot be read");
  return text.str();
}

record::Summary read_summary(const fs::path& file) {
  const auto json = parse_json(read_file(file), file.string());
  return to_summary({json, file.string()});
}

std::vector<record::MetricsRow> read_metrics(const fs::path& file) {
  std::istringstream in(read_file(file));
  std::vector<record::MetricsRow> rows;
  std::string line;
  std::size_t number = 1;
  const auto fail = [&](const std::string& reason) {
    throw ReportError(fmt::format("{}:{}: {}", file.string(), number, reason));
  };
  const std::string header = record::metrics_header;
  // Columns may be added behind those known here.
  if (!std::getline(in, line) || line.compare(0, header.size(), header) != 0)
    fail("wanted the columns " + header);
  const auto columns = cells_of(line).size();
  while (std::getline(in, line)) {
    ++number;
    const auto cells = cells_of(line);
    if (cells.size() != columns) fail(fmt::format("has {} columns, wanted {}", cells.size(), columns));
    record::MetricsRow row;
    if (!parse(cells[0], row.version) || !parse(cells[1], row.time) || !parse(cells[2], row.epoch) ||
        !parse(cells[3], row.updates))
      fail("version, time, epoch and updates must be numbers");
    row.phase = cells[4];
    std::size_t i = 5;
    for (auto* figure : {&row.test_accuracy, &row.balanced_accuracy, &row.forget_accuracy,
                         &row.retain_accuracy, &row.attack_success_rate, &row.mia_auc, &row.test_loss}) {
      const auto cell = cells[i++];
      double value = 0;
      if (cell.empty()) continue;
      if (!parse(cell, value)) fail(fmt::format("'{}' is no number", cell));
      *figure = value;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Run read_run(const fs::path& folder) {
  Run run;
  run.folder = folder;
  const auto file = folder / "summary.json";
  const auto json = parse_json(read_file(file), file.string());
  run.summary = to_summary({json, file.string()});
  run.context = context_of(json);
  if (fs::exists(folder / "metrics.csv")) run.rows = read_metrics(folder / "metrics.csv");
  return run;
}

}  // namespace afu::report
