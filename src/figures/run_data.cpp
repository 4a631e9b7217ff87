#include "figures/run_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>

#include "figures/csv_line.hpp"
#include "figures/json_file.hpp"
#include "record/metrics_log.hpp"
#include "record/summary.hpp"

namespace afu::figures {

namespace fs = std::filesystem;

namespace {

/// The most that a time, a ratio or a count of gradients may be: beyond it sums of squares are not exact.
constexpr double most = 1e18;

/// The most that a metric may be. A loss is the difference of two float32 logits at the most.
double highest(const Metric& m) {
  return m.quantity == Quantity::loss ? 1e39 : m.quantity == Quantity::score ? 2 : 1;
}

record::Figures figures(const JsonPlace& j) {
  record::Figures f;
  for (const auto& m : metrics()) f.*m.figure = j.figure_within(m.name, 0, highest(m));
  return f;
}

/// Null or absent: empty.
std::string text_or_empty(const JsonPlace& j, const char* key) {
  return j.has(key) && !j.at(key).value().is_null() ? j.get<std::string>(key) : std::string();
}

/// An array of texts; absent: empty.
std::vector<std::string> texts(const JsonPlace& j, const char* key) {
  std::vector<std::string> out;
  if (!j.has(key)) return out;
  const auto array = j.at(key);
  for (std::size_t i = 0; i < array.size(); ++i) out.push_back(array.at(i).get<std::string>());
  return out;
}

/// Of one request; all absent in a folder of an afu that did not tell them.
record::RequestFigures request_figures(const JsonPlace& j, const char* key) {
  record::RequestFigures f;
  if (!j.has(key)) return f;
  const auto own = j.at(key);
  f.forget_accuracy = own.figure_within("forget_accuracy", 0, 1);
  f.attack_success_rate = own.figure_within("attack_success_rate", 0, 1);
  f.mia_auc = own.figure_within("mia_auc", 0, 1);
  if (own.has("poisoned_success")) f.poisoned_success = own.figure_within("poisoned_success", 0, 1);
  return f;
}

/// Summaries of before there was an outcome tell by whether the erasure was merged.
record::RequestOutcome outcome(const JsonPlace& j, const record::ErasureRecord& e) {
  using O = record::RequestOutcome;
  const auto name = text_or_empty(j, "outcome");
  for (auto o : {O::unserved, O::merged, O::refused})
    if (name == to_string(o)) return o;
  return e.merged_at ? O::merged : O::unserved;
}

record::ErasureRecord erasure(const JsonPlace& j) {
  record::ErasureRecord e;
  e.client = j.at("client").value().is_null() ? -1 : j.get<std::uint32_t>("client");
  e.requested_at = j.figure_within("requested_at", 0, most);
  e.merged_at = j.figure_within("merged_at", 0, most);
  e.forgotten_at = j.figure_within("forgotten_at", 0, most);
  e.downtime_seconds = j.figure_within("downtime_seconds", 0, most);
  e.retained_throughput_ratio = j.figure_within("retained_throughput_ratio", 0, most);
  e.rebound_max = j.figure_within("rebound_max", -1, 1);
  e.rebound_end = j.figure_within("rebound_end", -1, 1);
  e.scope = text_or_empty(j, "scope");
  if (j.has("class") && !j.at("class").value().is_null()) e.label = j.get<std::uint32_t>("class");
  if (j.has("samples")) e.samples = j.get<std::uint32_t>("samples");
  e.rebound_of = text_or_empty(j, "rebound_of");
  e.found = request_figures(j, "before");
  e.final = request_figures(j, "final");
  e.lost_updates = j.get<std::int64_t>("lost_updates");
  e.late_updates = j.get<std::int64_t>("late_updates");
  e.updates_lost.reset();
  if (j.has("updates_lost") && !j.at("updates_lost").value().is_null())
    e.updates_lost = j.get<std::int64_t>("updates_lost");
  e.outcome = outcome(j, e);
  e.reason = text_or_empty(j, "reason");
  if (j.has("site")) e.site = text_or_empty(j, "site");
  if (j.has("subject")) {
    const auto names = j.at("subject");
    for (std::size_t i = 0; i < names.size(); ++i) e.subjects.push_back(names.at(i).get<std::string>());
  }
  e.file = text_or_empty(j, "file");
  return e;
}

/// Absent in a summary of an afu that did not tell it.
std::optional<record::SetLabels> set_labels(const JsonPlace& context, const char* key) {
  if (!context.has(key) || context.at(key).value().is_null()) return std::nullopt;
  const auto j = context.at(key);
  j.within("classes", 1, most);
  return record::SetLabels{j.get<std::uint64_t>("samples"), j.get<std::uint64_t>("classes"),
                           j.within("majority_share", 0, 1), j.within("entropy", 0, most),
                           j.has("labels") ? j.get<std::uint64_t>("labels") : 0};
}

record::Summary to_summary(const JsonPlace& j) {
  record::Summary s;
  check_schema(j, record::summary_schema);
  const auto context = j.at("context");
  s.method = text_or_empty(j, "method");
  s.clock = text_or_empty(j, "clock");
  s.final = figures(j.at("final"));
  s.before_erasure = figures(j.at("before_erasure"));
  const auto erasures = j.at("erasures");
  for (std::size_t i = 0; i < erasures.size(); ++i) s.erasures.push_back(erasure(erasures.at(i)));
  if (context.has("erasure_costs")) {
    const auto costs = context.at("erasure_costs");
    if (costs.size() != s.erasures.size())
      costs.fail(
          fmt::format("has {} entries, wanted one for each of {} erasures", costs.size(), s.erasures.size()));
    for (std::size_t i = 0; i < costs.size(); ++i) {
      s.erasures[i].client_passes = costs.at(i).within("client_passes", 0, most);
      s.erasures[i].server_passes = costs.at(i).within("server_passes", 0, most);
      s.erasures[i].stored_bytes = costs.at(i).get<std::uint64_t>("stored_bytes");
    }
  }
  const auto counters = j.at("counters");
  s.updates = counters.get<std::uint64_t>("updates");
  s.samples_trained = counters.get<std::uint64_t>("samples_trained");
  s.messages = counters.get<std::uint64_t>("messages");
  s.bytes_sent = counters.get<std::uint64_t>("bytes_sent");
  s.virtual_seconds = j.within("virtual_seconds", 0, most);
  s.wall_seconds = j.within("wall_seconds", 0, most);
  s.overrun_share = j.figure_within("overrun_share", 0, 1);
  s.model_sha256 = text_or_empty(j, "model_sha256");
  s.seed = context.get<std::uint64_t>("seed");
  s.ended = text_or_empty(context, "ended");
  s.scenario = text_or_empty(context, "scenario");
  s.sites = texts(context, "sites");
  s.warnings = texts(context, "warnings");
  s.test_set = set_labels(context, "test_set");
  s.retain_set = set_labels(context, "retain_set");
  s.revision = text_or_empty(context, "revision");
  s.started = text_or_empty(context, "started");
  return s;
}

std::string plain(const Json& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<std::pair<std::string, std::string>> context_of(const Json& summary,
                                                            const record::Summary& read) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [key, value] : summary.at("context").items()) {  // an object: to_summary has read it
    if (key == "erasure_costs" || key == "warnings" || value.is_null() || (value.is_array() && value.empty()))
      continue;
    if (const auto& set = key == "test_set" ? read.test_set : read.retain_set;
        set && (key == "test_set" || key == "retain_set"))
      out.emplace_back(key, to_string(*set));
    else if (key == "divergence" && value.contains("text"))
      out.emplace_back(key, plain(value["text"]));
    else if (value.is_object())
      for (const auto& [name, of_it] : value.items())
        out.emplace_back(key == "versions" ? name : key + ": " + name, plain(of_it));
    else
      out.emplace_back(key, plain(value));
  }
  return out;
}

}  // namespace

const std::vector<Metric>& metrics() {
  using F = record::Figures;
  using R = record::MetricsRow;
  using Q = Quantity;
  static const std::vector<Metric> all{
      {"test_accuracy", "test accuracy", Q::share, &F::test_accuracy, &R::test_accuracy},
      {"balanced_accuracy", "balanced accuracy", Q::share, &F::balanced_accuracy, &R::balanced_accuracy},
      {"test_auc", "test AUC", Q::area, &F::test_auc, &R::test_auc},
      {"test_loss", "test loss", Q::loss, &F::test_loss, &R::test_loss},
      {"calibration_error", "calibration error", Q::share, &F::calibration_error, &R::calibration_error},
      {"brier_score", "Brier score", Q::score, &F::brier_score, &R::brier_score},
      {"forget_accuracy", "forget accuracy", Q::share, &F::forget_accuracy, &R::forget_accuracy},
      {"retain_accuracy", "retain accuracy", Q::share, &F::retain_accuracy, &R::retain_accuracy},
      {"attack_success_rate", "attack success rate", Q::share, &F::attack_success_rate,
       &R::attack_success_rate},
      {"mia_auc", "membership AUC", Q::area, &F::mia_auc, &R::mia_auc}};
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

std::vector<record::MetricsRow> read_metrics(const fs::path& file, std::vector<Flaw>* flaws) {
  std::istringstream in(read_file(file));
  std::vector<record::MetricsRow> rows;
  std::string line;
  std::size_t number = 1;
  const auto fail = [&](const std::string& reason) {
    throw ReportError(fmt::format("{}:{}: {}", file.string(), number, reason));
  };
  // An older afu did not have the last of the columns; a newer one may add others behind them.
  std::string header = record::metrics_header;
  const auto begins_with = [&](const std::string& columns) {
    return line == columns || line.compare(0, columns.size() + 1, columns + ",") == 0;
  };
  const auto oldest = header.substr(0, header.find(",test_auc"));
  if (!std::getline(in, line) || !begins_with(oldest)) fail("wanted the columns " + header);
  while (!begins_with(header)) header.erase(header.rfind(','));  // of an older afu: without the later ones
  const auto names = cells_of(header);
  const auto columns = cells_of(line).size();
  const auto flaw = [&](const Metric* metric, const std::string& what) {
    const auto same = [&](const Flaw& f) { return f.metric == metric; };
    if (flaws != nullptr && std::none_of(flaws->begin(), flaws->end(), same))
      flaws->push_back({metric, fmt::format("metrics.csv:{}: {} is {}", number, metric->name, what)});
  };
  std::set<const Metric*> absent;
  while (std::getline(in, line)) {
    ++number;
    const auto cells = cells_of(line);
    if (cells.size() != columns) fail(fmt::format("has {} columns, wanted {}", cells.size(), columns));
    record::MetricsRow row;
    if (!parse(cells[0], row.version) || !parse(cells[1], row.time) || !parse(cells[2], row.epoch) ||
        !parse(cells[3], row.updates) || !(row.time >= 0 && row.time <= most))
      fail("version, time, epoch and updates must be numbers, 0 or more");
    row.phase = cells[4];
    for (std::size_t i = 5; i < names.size(); ++i) {
      const auto cell = cells[i];
      const auto* metric = find_metric(std::string(names[i]));
      double value = 0;
      if (cell.empty()) {
        // Of a metric that earlier rows have, or later ones.
        if (std::any_of(rows.begin(), rows.end(),
                        [&](const auto& r) { return (r.*metric->row).has_value(); }))
          flaw(metric, "empty");
        else
          absent.insert(metric);
        continue;
      }
      if (!parse(cell, value)) fail(fmt::format("'{}' is no number", cell));
      if (!std::isfinite(value)) {
        flaw(metric, fmt::format("'{}'", cell));
        continue;
      }
      if (!(value >= 0 && value <= highest(*metric)))
        fail(fmt::format("{} is {}, allowed is 0 to {:g}", metric->name, cell, highest(*metric)));
      if (absent.erase(metric) > 0) flaw(metric, "the first; rows before it are empty");
      row.*metric->row = value;
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
  run.context = context_of(json, run.summary);
  const auto measured = [&](const Metric& m) { return (run.summary.final.*m.figure).has_value(); };
  // A run that measured something has the file: without it other figures would stand for its own.
  if (fs::exists(folder / "metrics.csv") || std::any_of(metrics().begin(), metrics().end(), measured))
    run.rows = read_metrics(folder / "metrics.csv", &run.flaws);
  for (const auto& m : metrics()) {
    const auto has = [&](const record::MetricsRow& r) { return (r.*m.row).has_value(); };
    const auto told = [&](const Flaw& f) { return f.metric == &m; };
    if (!json.at("final").contains(m.name) && !run.rows.empty())
      run.summary.final.*m.figure = run.rows.back().*m.row;  // an older afu did not tell it
    else if (!measured(m) && std::any_of(run.rows.begin(), run.rows.end(), has) &&
             std::none_of(run.flaws.begin(), run.flaws.end(), told))
      run.flaws.push_back({&m, fmt::format("summary.json: final.{} is null", m.name)});
  }
  return run;
}

}  // namespace afu::figures
