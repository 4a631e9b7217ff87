#include "figures/study_data.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "figures/json_file.hpp"
#include "record/seal.hpp"

namespace afu::figures {

namespace fs = std::filesystem;

namespace {

constexpr int study_schema = 1;

std::string plain(const Json& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <class T>
std::vector<T> list(const JsonPlace& j) {
  std::vector<T> out;
  for (std::size_t i = 0; i < j.size(); ++i) out.push_back(j.at(i).get<T>());
  return out;
}

std::size_t position(const std::vector<Arm>& arms, const JsonPlace& name) {
  const auto wanted = name.get<std::string>();
  const auto found = std::find_if(arms.begin(), arms.end(), [&](const Arm& a) { return a.name == wanted; });
  if (found == arms.end()) name.fail("names the arm '" + wanted + "', which is not among the arms");
  return static_cast<std::size_t>(found - arms.begin());
}

Arm arm(const JsonPlace& j) {
  Arm a{j.get<std::string>("name"), Arm::Role::method, j.get<bool>("synchronous")};
  const auto role = j.get<std::string>("role");
  if (role == "reference")
    a.role = Arm::Role::reference;
  else if (role == "control")
    a.role = Arm::Role::control;
  else if (role != "method")
    j.at("role").fail("is '" + role + "', allowed: method, reference, control");
  return a;
}

ReboundPlan rebound_plan(const JsonPlace& j) {
  ReboundPlan p{j.get<bool>("enabled"), j.get<std::size_t>("rounds"), j.get<std::size_t>("tail_rounds"),
                j.get<std::size_t>("round_updates")};
  if (p.enabled && (p.rounds == 0 || p.round_updates == 0)) j.fail("needs rounds and round_updates above 0");
  for (const char* key : {"rounds", "tail_rounds", "round_updates"})
    j.within(key, 0, 1e9);  // products of them are counted
  return p;
}

StatisticsPlan statistics_plan(const JsonPlace& j) {
  StatisticsPlan s;
  s.confidence = j.get<double>("confidence");
  if (!(s.confidence > 0.5 && s.confidence < 1)) j.at("confidence").fail("must lie between 0.5 and 1");
  std::string names;
  for (const auto& m : metrics()) names += (names.empty() ? "" : ", ") + std::string(m.name);
  const auto margins = j.at("margins");
  for (const auto& [name, value] : margins.value().items()) {
    const auto margin = margins.get<double>(name.c_str());
    if (!find_metric(name)) margins.at(name.c_str()).fail("is no metric known here, allowed are " + names);
    if (!(margin > 0)) margins.at(name.c_str()).fail("must be above 0");
    s.margins[name] = margin;
  }
  s.family = list<std::string>(j.at("family"));
  for (const auto& m : s.family) {
    if (!find_metric(m))
      j.at("family").fail("names '" + m + "', which is no metric known here, allowed are " + names);
    if (s.margins.count(m) == 0) j.at("family").fail("names '" + m + "', which has no margin");
  }
  if (j.has("late_evaluations")) s.late_evaluations = j.get<std::size_t>("late_evaluations");
  if (j.has("declared")) s.declared = list<std::string>(j.at("declared"));
  s.rebound_margin = j.within("rebound_margin", 0, 1);
  s.throughput_margin = j.within("throughput_margin", 0, 1);
  s.latency_ratio = j.within("latency_ratio", 0, 1e6);
  if (j.has("control_margin")) s.control_margin = j.within("control_margin", 0, 1);
  return s;
}

std::vector<std::size_t> values_of(const std::vector<Axis>& axes, const JsonPlace& cell) {
  std::vector<std::size_t> out;
  for (const auto& axis : axes) {
    const auto at = cell.at("axes").at(axis.key.c_str());
    const auto found = std::find(axis.values.begin(), axis.values.end(), plain(at.value()));
    if (found == axis.values.end()) at.fail("is not among the values of its axis");
    out.push_back(static_cast<std::size_t>(found - axis.values.begin()));
  }
  return out;
}

std::string group_name(const std::vector<Axis>& axes, const std::vector<std::size_t>& values) {
  std::string out;
  for (std::size_t i = 0; i < axes.size(); ++i)
    out += (out.empty() ? "" : ", ") + axes[i].key + " = " + axes[i].values[values[i]];
  return out;
}

std::string last_part(const std::string& key) {
  const auto dot = key.rfind('.');
  return dot == key.npos ? key : key.substr(dot + 1);
}

void read_state(Cell& cell, const fs::path& folder) {
  const auto failure = folder / "failure.txt", summary = folder / "summary.json";
  if (fs::exists(failure)) {
    cell.state = Cell::State::failed;
    cell.why = read_file(failure);
    while (!cell.why.empty() && (cell.why.back() == '\n' || cell.why.back() == ' ')) cell.why.pop_back();
    if (fs::exists(summary)) try {
        cell.warnings = read_summary(summary).warnings;
      } catch (const ReportError&) {  // why it failed is told, and its figures are not looked at
      }
  } else if (fs::exists(summary)) {
    try {
      cell.run = read_run(folder);
    } catch (const ReportError& e) {
      return cell.fail(std::string("its files cannot be used: ") + e.what());
    }
    cell.state = Cell::State::completed;
    cell.warnings = cell.run->summary.warnings;
    const auto ended = cell.run->summary.ended;
    if (ended == "interrupted")
      cell = {cell.arm, cell.group, cell.seed, cell.folder, Cell::State::missing, ended, {}};
    else if (ended != "completed")
      cell.fail(ended.empty() ? "its summary.json does not say how it ended" : ended);
  }
}

/// A completed cell whose files are not as its run left them has no figures. One without files.json is of an
/// older afu and is taken as it is.
void hold_to_seal(Cell& cell, const fs::path& folder) {
  if (cell.state != Cell::State::completed) return;
  if (const auto damage = record::damage(folder); !damage.empty()) cell.fail("damaged: " + damage);
}

/// A figure of the summary stands for a run's evaluations only where no run of the study has evaluations of
/// that metric: one version's beside means over many would be another figure.
void hold_to_rows(std::vector<Cell>& cells) {
  for (const auto& m : metrics()) {
    const auto in_rows = [&](const Cell& c) {
      return c.run && std::any_of(c.run->rows.begin(), c.run->rows.end(),
                                  [&](const record::MetricsRow& r) { return (r.*m.row).has_value(); });
    };
    if (std::none_of(cells.begin(), cells.end(), in_rows)) continue;
    for (auto& c : cells) {
      if (!c.run || in_rows(c) || !(c.run->summary.final.*m.figure)) continue;
      c.run->summary.final.*m.figure = std::nullopt;
      auto& flaws = c.run->flaws;
      if (std::none_of(flaws.begin(), flaws.end(), [&](const Flaw& f) { return f.metric == &m; }))
        flaws.push_back({&m, fmt::format("metrics.csv: no row has {}", m.name)});
    }
  }
}

}  // namespace

void Cell::fail(std::string reason) {
  state = State::failed;
  why = std::move(reason);
  run.reset();
}

const char* to_string(Arm::Role role) {
  switch (role) {
    case Arm::Role::method:
      return "method";
    case Arm::Role::reference:
      return "reference";
    case Arm::Role::control:
      return "control";
  }
  return "unknown";
}

std::string value_label(const std::string& toml) {
  const bool quoted = toml.size() > 1 && toml.front() == toml.back() && (toml[0] == '"' || toml[0] == '\'');
  return quoted ? toml.substr(1, toml.size() - 2) : toml;
}

std::string Study::axis_name(std::size_t axis) const {
  const auto name = last_part(axes.at(axis).key);
  const auto same =
      std::count_if(axes.begin(), axes.end(), [&](const Axis& a) { return last_part(a.key) == name; });
  return same > 1 ? axes[axis].key : name;
}

bool Study::untrained() const {
  const auto ran = [](const Cell& c) { return c.run.has_value(); };
  return std::any_of(cells.begin(), cells.end(), ran) &&
         std::none_of(cells.begin(), cells.end(), [&](const Cell& c) {
           if (!ran(c)) return false;
           const auto& s = c.run->summary;
           return !s.model_sha256.empty() ||
                  std::any_of(metrics().begin(), metrics().end(),
                              [&](const Metric& m) { return (s.final.*m.figure).has_value(); });
         });
}

std::optional<double> StatisticsPlan::margin(const std::string& metric) const {
  auto found = margins.find(metric);
  if (found == margins.end() && metric == "balanced_accuracy") found = margins.find("test_accuracy");
  return found == margins.end() ? std::nullopt : std::optional(found->second);
}

std::vector<const Cell*> Study::cells_of(std::size_t group, std::size_t arm) const {
  std::vector<const Cell*> out;
  for (auto seed : seeds)
    for (const auto& c : cells)
      if (c.group == group && c.arm == arm && c.seed == seed) out.push_back(&c);
  return out;
}

std::string Study::id_of(const std::string& base, std::size_t group) const {
  return groups.size() > 1 ? base + "-group-" + std::to_string(group + 1) : base;
}

std::string Study::in_group(std::size_t group) const {
  return groups.at(group).empty() ? std::string() : " (" + groups[group] + ")";
}

std::size_t Study::count(Cell::State state) const {
  return static_cast<std::size_t>(
      std::count_if(cells.begin(), cells.end(), [&](const Cell& c) { return c.state == state; }));
}

Study read_study(const fs::path& folder) {
  const auto file = folder / "study.json";
  const auto json = parse_json(read_file(file), file.string());
  const JsonPlace j(json, file.string());
  check_schema(j, study_schema);
  Study s;
  s.folder = folder;
  s.name = j.get<std::string>("name");
  s.help = j.get<std::string>("help");
  s.file = j.get<std::string>("file");
  s.base = j.get<std::string>("base");
  s.command = j.get<std::string>("command");
  s.seeds = list<std::uint64_t>(j.at("seeds"));
  const auto axes = j.at("axes"), arms = j.at("arms"), cells = j.at("cells");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    Axis axis{axes.at(i).get<std::string>("key"), {}};
    const auto values = axes.at(i).at("values");
    for (const auto& v : values.value()) axis.values.push_back(plain(v));
    s.axes.push_back(std::move(axis));
  }
  for (std::size_t i = 0; i < arms.size(); ++i) s.arms.push_back(arm(arms.at(i)));
  s.subject = position(s.arms, j.at("subject"));
  s.reference = position(s.arms, j.at("reference"));
  const auto named = [&](const char* key) {
    std::vector<std::size_t> positions;
    if (!j.has(key)) return positions;
    const auto names = j.at(key);
    for (std::size_t i = 0; i < names.size(); ++i) positions.push_back(position(s.arms, names.at(i)));
    return positions;
  };
  s.controls = named("controls");
  s.distances = named("distances");
  s.rebound = rebound_plan(j.at("rebound"));
  s.statistics = statistics_plan(j.at("statistics"));
  s.claims = list<std::string>(j.at("claims"));
  if (j.has("claims_left_out")) {
    const auto left_out = j.at("claims_left_out");
    for (std::size_t i = 0; i < left_out.size(); ++i)
      s.claims_left_out.emplace_back(left_out.at(i).get<std::string>("claim"),
                                     left_out.at(i).get<std::string>("why"));
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto at = cells.at(i);
    Cell cell;
    cell.arm = position(s.arms, at.at("arm"));
    cell.seed = at.get<std::uint64_t>("seed");
    if (std::find(s.seeds.begin(), s.seeds.end(), cell.seed) == s.seeds.end())
      at.at("seed").fail("is not among the study's seeds");
    auto values = values_of(s.axes, at);
    const auto found = std::find(s.group_values.begin(), s.group_values.end(), values);
    cell.group = static_cast<std::size_t>(found - s.group_values.begin());
    if (found == s.group_values.end()) {
      s.groups.push_back(group_name(s.axes, values));
      s.group_values.push_back(std::move(values));
    }
    cell.folder = at.get<std::string>("folder");
    read_state(cell, folder / cell.folder);
    hold_to_seal(cell, folder / cell.folder);
    s.cells.push_back(std::move(cell));
  }
  if (s.cells.empty()) j.at("cells").fail("holds no cell");
  hold_to_rows(s.cells);
  return s;
}

}  // namespace afu::figures
