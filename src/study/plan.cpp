#include "study/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "base/text_file.hpp"
#include "config/loader.hpp"
#include "config/text.hpp"
#include "config/writer.hpp"
#include "figures/preconditions.hpp"
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

/// By line and column of `file`; what stands elsewhere comes last.
std::vector<std::string> in_order(std::vector<std::string> messages, const std::string& file) {
  using Where = std::pair<std::uint32_t, std::uint32_t>;
  const auto where = [&](const std::string& message) {
    Where at{UINT32_MAX, 0};
    if (message.rfind(file + ":", 0) != 0) return at;
    const char *begin = message.data() + file.size() + 1, *end = message.data() + message.size();
    const auto line = std::from_chars(begin, end, at.first);
    if (line.ec == std::errc() && line.ptr != end) std::from_chars(line.ptr + 1, end, at.second);
    return at;
  };
  std::stable_sort(messages.begin(), messages.end(),
                   [&](const auto& a, const auto& b) { return where(a) < where(b); });
  return messages;
}

/// A message, and the arms in whose scenarios it comes up, where it is not of all cells.
struct Wrong {
  std::string text;
  std::vector<std::size_t> arms;
};

class Planner {
 public:
  Planner(Study study, const config::Errors& of_file) : errors_(of_file.messages()) {
    auto& s = plan_.study = std::move(study);
    if (errors_.empty()) return;  // else the rest is looked at, and nothing comes of it
    if (s.seeds.empty()) s.seeds.push_back(1);
    if (s.arms.empty()) s.arms.emplace_back();
  }

  Plan make() {
    auto& s = plan_.study;
    find_base();
    find_arms();
    if (s.rebound.enabled && has_base_) follow_rebound_protocol();
    if (!s.distances.empty())
      for (const char* kept : {"output.model", "output.snapshots"})
        if (std::none_of(s.set.begin(), s.set.end(), [&](const Setting& x) { return x.key == kept; }))
          s.set.push_back({kept, "true", s.arms.front().place});
    for (auto& message : conflicts(s)) add_error(std::move(message));
    std::vector<std::size_t> values(s.axes.size(), 0);
    do {
      for (auto seed : s.seeds) {
        for (std::size_t a = 0; a < s.arms.size(); ++a) add(a, seed, values);
        ++plan_.groups;
      }
    } while (advance(values));
    tell_wrong();
    if (errors_.empty()) unlike_cells();
    if (errors_.empty()) {
      choose_arms(plan_);
      for (auto& message : choose_claims(plan_)) errors_.push_back(std::move(message));
    }
    if (!errors_.empty()) throw config::ConfigError(in_order(std::move(errors_), s.file));
    if (!s.claims.empty() && s.seeds.size() < figures::fewest_pairs)
      plan_.warnings.push_back(fmt::format("claims need at least {} seeds; this study has {}",
                                           figures::fewest_pairs, s.seeds.size()));
    return std::move(plan_);
  }

 private:
  void add_error(std::string message) {
    if (std::find(errors_.begin(), errors_.end(), message) == errors_.end())
      errors_.push_back(std::move(message));
  }
  void add_error(const config::Place& at, const std::string& key, const std::string& text) {
    add_error(config::place_text(at) + ": " + key + ": " + text);
  }

  /// One message for a base that cannot be read, instead of one from every cell.
  void find_base() {
    const auto& s = plan_.study;
    if (s.base.empty()) return;  // the file's errors say so
    std::string text;
    const auto why = base::read_text_file(s.base, text);
    has_base_ = why.empty();
    if (has_base_) return;
    const auto tried = std::filesystem::absolute(s.base).lexically_normal().string();
    add_error(s.base_place, "study.base",
              s.base_given + ": " + why + (tried == s.base_given ? "" : ", tried " + tried));
  }

  /// Subject, reference, controls and distances are arms. An arm of a misspelled method counts as the method that was meant: that it
  /// is misspelled its scenario tells.
  void find_arms() {
    const auto& s = plan_.study;
    std::vector<std::string> known_methods, arms, lost;
    for (const auto& m : methods::methods()) known_methods.push_back(m.name);
    for (const auto& a : s.arms) {
      const bool of_method = a.set.size() == 1 && a.set[0].value == config::quoted(a.name);
      if (a.name.empty()) continue;
      if (!of_method || std::count(known_methods.begin(), known_methods.end(), a.name))
        arms.push_back(a.name);
      else if (const auto meant = config::nearest(a.name, known_methods); !meant.empty())
        arms.push_back(meant);
      else
        lost.push_back(a.name);
    }
    for (const auto& named : s.named_arms) {
      const auto has = [&](const auto& list) { return std::count(list.begin(), list.end(), named.arm) > 0; };
      if (has(arms) || has(lost)) continue;
      add_error(named.place, named.key,
                config::quoted(named.arm) + " is no arm of this study" +
                    (arms.empty() ? "" : ", " + config::meant_or_allowed(named.arm, arms)));
    }
  }

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
    const auto stop =
        std::find_if(s.set.begin(), s.set.end(), [](const auto& x) { return x.key == "stop.updates"; });
    // Where it stops the protocol says; the base's own may be too soon for the study's erasure.
    const Setting late{"stop.updates", "1000000000", place};
    if (stop == s.set.end()) set.push_back(&late);
    std::optional<config::Scenario> base;
    try {
      base = load(set, s.seeds.front());
    } catch (const config::ConfigError& e) {
      return complain(e.messages(), set, std::nullopt);
    }
    std::set<std::int64_t> targets;
    std::int64_t last = -1;
    for (const auto& e : base->erasures) {
      if (e.client >= 0) targets.insert(e.client);
      last = std::max(last, e.at_update);
    }
    if (last < 0) {
      add_error(
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
    const auto needed = last + (s.rebound.rounds + s.rebound.tail_rounds + 1) * rounds;
    if (stop != s.set.end() && base->stop.updates > 0 && base->stop.updates < needed)
      add_error(stop->place, "stop.updates",
                fmt::format("{} ends the run before the rebound protocol does, which follows {} rounds of {} "
                            "updates after update {}; allowed is {} or more, or none, which is that",
                            base->stop.updates, s.rebound.rounds + s.rebound.tail_rounds + 1, rounds, last,
                            needed));
    sets("stop.updates", needed);
    sets("evaluation.dense_updates", 5 * rounds);
    sets("evaluation.every_updates", rounds);
    const auto control = [&](const char* name,
                             const std::vector<std::pair<const char*, const char*>>& settings) {
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

  static std::vector<std::string> texts(const Settings& set, std::int64_t seed) {
    std::vector<std::string> overrides;
    for (const auto* one : set) overrides.push_back(one->text());
    overrides.push_back("scenario.seed=" + std::to_string(seed));
    return overrides;
  }
  config::Scenario load(const Settings& set, std::int64_t seed) const {
    return config::load_scenario(plan_.study.base, texts(set, seed), methods::method_sections());
  }

  /// An error of an override becomes one of the study's line that set it.
  void complain(const std::vector<std::string>& messages, const Settings& set,
                std::optional<std::size_t> arm) {
    for (auto message : messages) {
      bool of_arm = arm.has_value();
      for (auto one = set.rbegin(); one != set.rend(); ++one) {
        const auto prefix = "--set " + (*one)->key + ":";
        if (message.rfind(prefix, 0) != 0) continue;
        const auto& common = plan_.study.set;
        of_arm =
            of_arm && std::none_of(common.begin(), common.end(), [&](const auto& c) { return &c == *one; });
        message = fmt::format("{}: {}:{}", config::place_text((*one)->place), (*one)->key,
                              message.substr(prefix.size()));
        break;
      }
      auto same =
          std::find_if(wrong_.begin(), wrong_.end(), [&](const Wrong& w) { return w.text == message; });
      if (same == wrong_.end()) same = wrong_.insert(wrong_.end(), {std::move(message), {}});
      if (of_arm && !std::count(same->arms.begin(), same->arms.end(), *arm)) same->arms.push_back(*arm);
    }
  }

  /// What comes up in some arms names them; what does in all is not of the arms.
  void tell_wrong() {
    const auto& arms = plan_.study.arms;
    for (auto& w : wrong_) {
      std::vector<std::string> names;
      for (auto a : w.arms) names.push_back(config::quoted(arms[a].name));
      const bool some = !names.empty() && names.size() < arms.size();
      add_error(
          some ? fmt::format("{} (arm{} {})", w.text, names.size() > 1 ? "s" : "", fmt::join(names, ", "))
               : std::move(w.text));
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
      if (!has_base_)
        return complain(config::override_errors(texts(set, seed), methods::method_sections()), set, arm);
      cell.scenario = load(set, seed);
    } catch (const config::ConfigError& e) {
      return complain(e.messages(), set, arm);
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
      add_error(fmt::format(
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
          add_error(std::move(message));
        }
    }
  }

  Plan plan_;
  std::set<std::string> noted_;  ///< keys
  bool has_base_ = false;
  std::vector<Wrong> wrong_;         ///< of the cells' scenarios
  std::vector<std::string> errors_;  ///< in the end, with what is wrong_
};

}  // namespace

Plan make_plan(Study study, const config::Errors& of_file) {
  return Planner(std::move(study), of_file).make();
}

}  // namespace afu::study
