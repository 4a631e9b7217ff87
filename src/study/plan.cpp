#include "study/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "config/loader.hpp"
#include "config/text.hpp"
#include "config/writer.hpp"
#include "methods/registry.hpp"
#include "study/claims.hpp"
#include "study/conflicts.hpp"

namespace afu::study {

namespace {

using Settings = std::vector<const Setting*>;

/// Of a value in a folder's name, bytes.
constexpr std::size_t most_value_text = 100;

bool halts(const config::Scenario& s) {
  const auto& method = methods::find_method(s.unlearning.method);
  return config::traits(s.training.rule).synchronous ||
         methods::coordination(method, s.unlearning.coordination) == methods::Coordination::blocking;
}

/// A value or a key as part of a folder's name.
std::string plain(const std::string& text) {
  std::string out;
  for (unsigned char c : text)
    if (c != '"') out += std::isalnum(c) || c == '.' || c == '-' || c == '_' ? static_cast<char>(c) : '_';
  return out;
}

class Planner {
 public:
  explicit Planner(Study study) { plan_.study = std::move(study); }

  Plan make() {
    auto& s = plan_.study;
    if (s.rebound.enabled) follow_rebound_protocol();
    if (!s.distances.empty())
      for (const char* kept : {"output.model", "output.snapshots"})
        if (std::none_of(s.set.begin(), s.set.end(), [&](const Setting& x) { return x.key == kept; }))
          s.set.push_back({kept, "true", s.arms.front().place});
    for (auto& message : conflicts(s)) errors_.push_back(std::move(message));
    std::vector<std::size_t> values(s.axes.size(), 0);
    do {
      for (auto seed : s.seeds) {
        for (std::size_t a = 0; a < s.arms.size(); ++a) add(a, seed, values);
        ++plan_.groups;
      }
    } while (advance(values));
    if (errors_.empty()) unlike_cells();
    if (errors_.empty()) {
      choose_arms(plan_);
      for (auto& message : choose_claims(plan_)) errors_.push_back(std::move(message));
    }
    if (!errors_.empty()) throw config::ConfigError(errors_);
    return std::move(plan_);
  }

 private:
  bool advance(std::vector<std::size_t>& values) const {
    for (std::size_t i = values.size(); i-- > 0;) {
      if (++values[i] < plan_.study.axes[i].values.size()) return true;
      values[i] = 0;
    }
    return false;
  }

  /// What every cell of the protocol shares. The scenario tells how many clients are retained and when the
  /// request comes.
  void follow_rebound_protocol() {
    auto& s = plan_.study;
    const auto place = s.arms.front().place;
    Settings set;
    for (const auto& one : s.set) set.push_back(&one);
    std::optional<config::Scenario> base;
    try {
      base = load(set, s.seeds.front());
    } catch (const config::ConfigError& e) {
      return complain(e.messages(), set, "");
    }
    std::set<std::int64_t> targets;
    std::int64_t last = -1;
    for (const auto& e : base->erasures) {
      if (e.client >= 0) targets.insert(e.client);
      last = std::max(last, e.at_update);
    }
    if (last < 0) {
      errors_.push_back(
          fmt::format("{}: rebound.enabled: the scenario {} asks for no erasure by at_update, which the "
                      "protocol counts from",
                      s.file, s.base));
      return;
    }
    s.rebound.round_updates = base->partition.clients - static_cast<std::int64_t>(targets.size());
    const auto rounds = s.rebound.round_updates;
    const auto sets = [&](const std::string& key, std::int64_t value) {
      if (std::none_of(s.set.begin(), s.set.end(), [&](const auto& x) { return x.key == key; }))
        s.set.push_back({key, std::to_string(value), place});
    };
    sets("stop.updates", last + (s.rebound.rounds + s.rebound.tail_rounds + 1) * rounds);
    sets("evaluation.dense_updates", 5 * rounds);
    sets("evaluation.every_updates", rounds);
    const auto control = [&](const char* name, std::vector<std::pair<const char*, const char*>> settings) {
      if (std::any_of(s.arms.begin(), s.arms.end(), [&](const Arm& a) { return a.name == name; })) return;
      Arm arm{name, "control", {}, place};
      for (const auto& [key, value] : settings) arm.set.push_back({key, value, place});
      s.arms.push_back(std::move(arm));
    };
    control("none", {{"unlearning.method", "\"none\""}});
    control("placebo", {{"unlearning.method", "\"afu_ic\""}, {"calibration.placebo", "true"}});
    control("leak", {{"unlearning.method", "\"afu_ic\""},
                     {"training.rule", "\"fedasync\""},
                     {"unlearning.late", "\"accept\""}});
  }

  config::Scenario load(const Settings& set, std::int64_t seed) const {
    std::vector<std::string> overrides;
    for (const auto* one : set) overrides.push_back(one->text());
    overrides.push_back("scenario.seed=" + std::to_string(seed));
    return config::load_scenario(plan_.study.base, overrides, methods::method_sections());
  }

  /// An error of an override becomes one of the study's line that set it.
  void complain(const std::vector<std::string>& messages, const Settings& set, const std::string& arm) {
    for (auto message : messages) {
      bool of_arm = !arm.empty();
      for (auto one = set.rbegin(); one != set.rend(); ++one) {
        const auto prefix = "--set " + (*one)->key + ":";
        if (message.rfind(prefix, 0) != 0) continue;
        const auto& common = plan_.study.set;
        of_arm =
            of_arm && std::none_of(common.begin(), common.end(), [&](const auto& c) { return &c == *one; });
        const auto& at = (*one)->place;
        message = fmt::format("{}:{}:{}: {}:{}", plan_.study.file, at.line, at.column, (*one)->key,
                              message.substr(prefix.size()));
        break;
      }
      if (of_arm) message += fmt::format(" (arm \"{}\")", arm);
      if (std::find(errors_.begin(), errors_.end(), message) == errors_.end())
        errors_.push_back(std::move(message));
    }
  }

  /// Once a key, at the line that sets it: the study's, or the base's.
  void take_notes(const std::vector<config::Note>& notes, const Settings& set) {
    for (auto note : notes) {
      if (!noted_.insert(note.key).second) continue;
      for (const auto* one : set)
        if (one->key == note.key)
          note.place = fmt::format("{}:{}:{}", plan_.study.file, one->place.line, one->place.column);
      plan_.notes.push_back(note.line());
    }
  }

  void add(std::size_t arm, std::int64_t seed, const std::vector<std::size_t>& values) {
    auto& s = plan_.study;
    Cell cell;
    cell.arm = arm;
    cell.seed = seed;
    cell.values = values;
    cell.group = plan_.groups;
    cell.folder = "cells/" + s.arms[arm].name;
    Settings set;
    for (const auto& one : s.set) set.push_back(&one);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto& axis = s.axes[i];
      for (const auto& one : axis.settings[values[i]]) set.push_back(&one);
      cell.folder += "/" + axis_folder(axis, values[i]);
    }
    for (const auto& one : s.arms[arm].set) set.push_back(&one);
    cell.folder += "/seed=" + std::to_string(seed);
    try {
      cell.scenario = load(set, seed);
    } catch (const config::ConfigError& e) {
      return complain(e.messages(), set, s.arms[arm].name);
    }
    if (s.rebound.enabled) {  // the tail is without any calibration
      auto& window = cell.scenario.calibration.window_updates;
      const auto most = s.rebound.rounds * s.rebound.round_updates;
      auto note = fmt::format(
          "the arm \"{}\" calibrates for {} updates instead of {}: the tail of the rebound protocol is "
          "without",
          s.arms[arm].name, most, window);
      if (window > most && std::find(plan_.notes.begin(), plan_.notes.end(), note) == plan_.notes.end())
        plan_.notes.push_back(std::move(note));
      window = std::min(window, most);
    }
    take_notes(cell.scenario.notes, set);
    const auto& output = cell.scenario.output;
    if (!s.distances.empty() && !(output.model && output.snapshots))
      errors_.push_back(fmt::format(
          "{}:{}:{}: study.distances: needs output.model and output.snapshots, which the arm \"{}\" "
          "switches off",
          s.file, s.arms[arm].place.line, s.arms[arm].place.column, s.arms[arm].name));
    s.arms[arm].synchronous = halts(cell.scenario);
    plan_.cells.push_back(std::move(cell));
  }

  /// Unlike values never share a folder.
  static std::string axis_folder(const Axis& axis, std::size_t value) {
    const auto name = axis.key.substr(axis.key.rfind('.') + 1) + "=";
    const auto short_names = [&](bool numbered) {
      std::vector<std::string> names;
      for (std::size_t i = 0; i < axis.values.size(); ++i) {
        auto text = plain(axis.values[i].value);
        const auto same = [&](const Setting& other) { return plain(other.value) == text; };
        const bool alike = std::count_if(axis.values.begin(), axis.values.end(), same) > 1;
        const bool too_long = text.size() > most_value_text;
        if (too_long) text.resize(most_value_text);
        names.push_back(numbered || alike || too_long ? std::to_string(i) + "_" + text : text);
      }
      return names;
    };
    auto names = short_names(false);
    if (std::set<std::string>(names.begin(), names.end()).size() < names.size()) names = short_names(true);
    return name + names[value];
  }

  /// Two values of an axis that give an arm the same scenario would be one measurement under two labels.
  void unlike_cells() {
    std::map<std::string, const Cell*> seen;
    std::set<std::string> folders;
    for (const auto& cell : plan_.cells) {
      const auto& s = plan_.study;
      const auto& arm = s.arms[cell.arm].name;
      if (!folders.insert(cell.folder).second)
        throw std::logic_error("two cells of one folder: " + cell.folder);
      const auto [other, fresh] =
          seen.emplace(arm + "\n" + config::to_toml(cell.scenario, methods::method_sections()), &cell);
      if (fresh) continue;
      for (std::size_t i = 0; i < s.axes.size(); ++i)
        if (cell.values[i] != other->second->values[i]) {
          const auto& mine = s.axes[i].values[cell.values[i]];
          const auto& theirs = s.axes[i].values[other->second->values[i]];
          auto message =
              fmt::format("{}:{}:{}: {}: {} gives the arm \"{}\" the same scenario as {}", s.file,
                          mine.place.line, mine.place.column, s.axes[i].key, mine.value, arm, theirs.value);
          if (std::find(errors_.begin(), errors_.end(), message) == errors_.end())
            errors_.push_back(std::move(message));
        }
    }
  }

  Plan plan_;
  std::set<std::string> noted_;  ///< keys
  std::vector<std::string> errors_;
};

}  // namespace

Plan make_plan(Study study) { return Planner(std::move(study)).make(); }

nlohmann::ordered_json manifest(const Plan& plan, const std::string& command) {
  using Json = nlohmann::ordered_json;
  const auto& s = plan.study;
  auto axes = Json::array(), arms = Json::array(), cells = Json::array();
  for (const auto& a : s.axes) {
    auto values = Json::array();
    for (const auto& v : a.values) values.push_back(v.value);
    axes.push_back({{"key", a.key}, {"values", std::move(values)}});
  }
  for (const auto& a : s.arms) {
    auto set = Json::object();
    for (const auto& one : a.set) set[one.key] = one.value;
    arms.push_back(
        {{"name", a.name}, {"role", a.role}, {"synchronous", a.synchronous}, {"set", std::move(set)}});
  }
  for (const auto& c : plan.cells) {
    auto values = Json::object();
    for (std::size_t i = 0; i < c.values.size(); ++i)
      values[s.axes[i].key] = s.axes[i].values[c.values[i]].value;
    cells.push_back(
        {{"arm", s.arms[c.arm].name}, {"seed", c.seed}, {"axes", std::move(values)}, {"folder", c.folder}});
  }
  auto set = Json::object();
  for (const auto& one : s.set) set[one.key] = one.value;
  const auto& st = s.statistics;
  auto left_out = Json::array();
  for (const auto& [claim, why] : s.claims_left_out) left_out.push_back({{"claim", claim}, {"why", why}});
  return {{"schema", 1},
          {"name", s.name},
          {"help", s.help},
          {"file", s.file},
          {"base", s.base},
          {"command", command},
          {"subject", s.subject},
          {"reference", s.reference},
          {"controls", s.controls},
          {"distances", s.distances},
          {"seeds", s.seeds},
          {"set", std::move(set)},
          {"axes", std::move(axes)},
          {"arms", std::move(arms)},
          {"rebound",
           {{"enabled", s.rebound.enabled},
            {"rounds", s.rebound.rounds},
            {"tail_rounds", s.rebound.tail_rounds},
            {"round_updates", s.rebound.round_updates}}},
          {"statistics",
           {{"confidence", st.confidence},
            {"margins", st.margins},
            {"family", st.family},
            {"late_evaluations", st.late_evaluations},
            {"rebound_margin", st.rebound_margin},
            {"throughput_margin", st.throughput_margin},
            {"latency_ratio", st.latency_ratio},
            {"control_margin", st.control_margin},
            {"declared", st.declared}}},
          {"claims", s.claims},
          {"claims_left_out", std::move(left_out)},
          {"cells", std::move(cells)}};
}

}  // namespace afu::study
