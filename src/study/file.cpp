/// Study files: every key is declared once, like a scenario's.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>

#include "config/loader.hpp"
#include "config/reader.hpp"
#include "config/schema_parts.hpp"
#include "config/text.hpp"
#include "figures/run_data.hpp"
#include "study/study.hpp"

namespace afu::study {

namespace {

using config::Errors;
using config::Node;

using config::Section;

/// What a file holds beside single values.
struct Raw {
  Node seeds, set, methods, arms, axes;
  std::string base;
  bool has(const Node& n) const { return n.place.line > 0; }
};

/// In nats: of 1e6 classes a constant classifier's loss is 14.
constexpr double most_loss_margin = 100;

Node nothing() { return {config::Table{}, {}}; }

std::vector<Section> sections(Study& s, Raw& raw) {
  using namespace config::schema;
  const auto node = [](std::string name, Node& at, std::string help) {
    return field(std::move(name), &at, std::string{}, from(0), std::move(help), "");
  };
  auto& st = s.statistics;
  auto& margins = st.margins;
  std::vector<std::string> metrics;
  std::vector<config::Field> of_metrics;
  for (const auto& m : figures::metrics()) {
    const double most = m.quantity == figures::Quantity::loss    ? most_loss_margin
                        : m.quantity == figures::Quantity::score ? 2
                                                                 : 1;
    metrics.emplace_back(m.name);
    of_metrics.push_back(number(m.name, margins[m.name], above(0, most), fmt::format("Of the {}.", m.title)));
  }
  return {
      {"study",
       "What is run.",
       {text("name", s.name, "Of the study, and of its folder below runs/."),
        text("help", s.help, "What it is to show; a line of the report."),
        text("base", raw.base, "The scenario that every cell starts from, relative to this file.").needed(),
        node("seeds", raw.seeds,
             "A list of seeds. Cells of one seed share data, poison, weights and hardware."),
        node("methods", raw.methods, "Unlearning methods, an arm each, with their defaults."),
        text("subject", s.subject, "The arm that the claims are about."),
        text("reference", s.reference, "The arm that all are compared with."),
        text("controls", s.controls,
             "Arms, placebos above all, that the claim \"keeps_away\" holds the subject against."),
        text(
            "distances", s.distances,
            "Arms that retrain, best each from other initial weights (unlearning.retrain.init_seed): every "
            "arm's models at the merge, 16 updates later and at the end are kept and held against theirs, in "
            "what they answer on the forget set."),
        node("set", raw.set, "Keys of the scenario, for every cell: { \"training.lr\" = 0.02 }."),
        text("claims", s.claims, "Which claims the report judges.",
             {"equivalence", "no_rebound", "no_downtime", "latency", "keeps_away"})}},
      {"rebound",
       "The rebound protocol: dense measurements, `rounds` asynchronous rounds, then "
       "`tail_rounds` more without any calibration; with the controls none, placebo and leak.",
       {flag("enabled", s.rebound.enabled, "Whether the study follows it."),
        number("rounds", s.rebound.rounds, from(1, 100000), "Asynchronous rounds after the erasure.",
               "rounds"),
        number("tail_rounds", s.rebound.tail_rounds, from(0, 100000), "Rounds more, the calibrator off.",
               "rounds")}},
      {"statistics",
       "How the cells are compared. To be decided before the study runs.",
       {number("confidence", st.confidence, above(0.5, 0.9999), "Of the intervals."),
        text("family", st.family, "Metrics whose paired tests are corrected together (Holm).",
             std::move(metrics)),
        number("late_evaluations", st.late_evaluations, from(0, 100000),
               "A metric of a cell is its mean over the last so many evaluated versions, as far as they come "
               "after the erasure: a single version's noise is no finding. 0: the final version alone.",
               "versions"),
        number("rebound_margin", st.rebound_margin, above(0, 1),
               "The most that attack success may come back."),
        number("control_margin", st.control_margin, above(0, 1),
               "How far attack success must lie below the controls', on the mean."),
        number(
            "throughput_margin", st.throughput_margin, above(0, 1),
            "Least retained throughput: of a run of the same seed in which the client just leaves (an arm of "
            "the method none), or where there is none, of that before the request."),
        number(
            "latency_ratio", st.latency_ratio, above(1, 1e6),
            "How many times sooner the subject must have its first erased model than a synchronous arm.")}},
      {"statistics.margins", "Within these the subject counts as equivalent to the reference (TOST).",
       std::move(of_metrics)},
      {"",
       "",
       {node("arm", raw.arms, "An arm; repeat it. Keys: name, role, set."),
        node("axis", raw.axes, "A scenario key and the values it takes; repeat it. Keys: key, values.")}},
  };
}

class Parser {
 public:
  Parser(Node root, const std::string& file, Errors& errors) : root_(std::move(root)), errors_(errors) {
    s_.file = file;
    s_.statistics.margins = {
        {"test_accuracy", 0.02}, {"balanced_accuracy", 0.03}, {"test_auc", 0.03},
        {"test_loss", 0.1},      {"calibration_error", 0.05}, {"forget_accuracy", 0.05},
        {"brier_score", 0.05},   {"retain_accuracy", 0.02},   {"attack_success_rate", 0.05},
        {"mia_auc", 0.03}};
    s_.name = std::filesystem::path(file).stem().string();
    for (auto* n : {&raw_.seeds, &raw_.set, &raw_.methods, &raw_.arms, &raw_.axes}) *n = nothing();
  }

  Study parse() {
    config::read_sections(root_, sections(s_, raw_), errors_);
    declared(root_.table()->find("statistics"), "");
    s_.base = s_.base_given = raw_.base;
    if (const std::filesystem::path base = raw_.base; !base.empty() && base.is_relative())
      s_.base = (std::filesystem::path(s_.file).parent_path() / base).lexically_normal().string();
    s_.base_place = config::place_of(root_, "study.base");
    const auto name_arm = [&](const std::string& key, const std::string& arm) {
      if (!arm.empty()) s_.named_arms.push_back({key, arm, config::place_of(root_, key)});
    };
    name_arm("study.subject", s_.subject);
    name_arm("study.reference", s_.reference);
    for (std::size_t i = 0; i < s_.controls.size(); ++i)
      name_arm("study.controls[" + std::to_string(i) + "]", s_.controls[i]);
    for (std::size_t i = 0; i < s_.distances.size(); ++i)
      name_arm("study.distances[" + std::to_string(i) + "]", s_.distances[i]);
    if (s_.base.empty()) fail("study", "study.base", "is missing, allowed is a scenario's file");
    seeds();
    s_.set = settings(raw_.set, "study.set");
    methods();
    arms();
    axes();
    names();
    lists();
    return std::move(s_);
  }

 private:
  void fail(const std::string& at, const std::string& key, const std::string& text) {
    errors_.add(config::place_of(root_, at), key, text);
  }
  void fail(const Node& at, const std::string& key, const std::string& allowed) {
    errors_.add(at.place, key, config::shown(at) + " is " + config::kind_of(at) + ", allowed is " + allowed);
  }

  void declared(const Node* node, const std::string& prefix) {
    if (!node || !node->table()) return;
    for (const auto& e : node->table()->entries)
      if (e.node.table())
        declared(&e.node, prefix + e.key + ".");
      else
        s_.statistics.declared.push_back(prefix + e.key);
  }

  void seeds() {
    if (!raw_.has(raw_.seeds))
      return fail("study", "study.seeds", "is missing, allowed is a list such as [1, 2, 3]");
    const auto* list = raw_.seeds.array();
    if (!list || list->items.empty()) return fail(raw_.seeds, "study.seeds", "a list of whole numbers");
    for (const auto& item : list->items) {
      const auto* seed = std::get_if<std::int64_t>(&item.value);
      if (!seed || *seed < 0)
        fail(item, "study.seeds", "a whole number, 0 or more");
      else if (std::count(s_.seeds.begin(), s_.seeds.end(), *seed))
        errors_.add(item.place, "study.seeds", std::to_string(*seed) + " stands here twice");
      else
        s_.seeds.push_back(*seed);
    }
  }

  /// `{ "training.lr" = 0.1, unlearning.method = "x" }`: dotted keys, quoted or not.
  std::vector<Setting> settings(const Node& node, const std::string& key) {
    std::vector<Setting> found;
    if (!raw_.has(node)) return found;
    if (!node.table()) {
      fail(node, key, "a table of scenario keys");
      return found;
    }
    flatten(*node.table(), "", found);
    return found;
  }
  void flatten(const config::Table& table, const std::string& prefix, std::vector<Setting>& out) {
    for (const auto& e : table.entries) {
      const auto key = prefix.empty() ? e.key : prefix + "." + e.key;
      const auto* inner = e.node.table();
      if (inner && !config::is_one_value(*inner))
        flatten(*inner, key, out);
      else
        out.push_back({key, config::toml_text(e.node), e.place});
    }
  }

  void methods() {
    if (!raw_.has(raw_.methods)) return;
    const auto* list = raw_.methods.array();
    if (!list) return fail(raw_.methods, "study.methods", "a list of unlearning methods");
    for (const auto& item : list->items) {
      const auto* name = std::get_if<std::string>(&item.value);
      if (!name) {
        fail(item, "study.methods", "the name of an unlearning method");
        continue;
      }
      s_.arms.push_back({*name, "", {{"unlearning.method", config::quoted(*name), item.place}}, item.place});
    }
  }

  /// The tables of an array of tables, each with the keys `allowed`.
  template <class Take>
  void tables(const Node& node, const std::string& what, const std::set<std::string>& allowed, Take take) {
    if (!raw_.has(node)) return;
    const auto* list = node.array();
    if (!list) return fail(node, what, "an array of tables, [[" + what + "]]");
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      const auto& item = list->items[i];
      const auto key = what + "[" + std::to_string(i) + "]";
      if (!item.table()) {
        fail(item, key, "a table");
        continue;
      }
      for (const auto& e : item.table()->entries)
        if (!allowed.count(e.key))
          errors_.add(
              e.place, key + "." + e.key,
              "unknown key, " + config::meant_or_allowed_key(e.key, {allowed.begin(), allowed.end()}));
      take(item, key);
    }
  }
  std::string text_of(const Node& table, const std::string& key, const std::string& name, bool required) {
    const auto* found = table.table()->find(name);
    if (!found) {
      if (required) errors_.add(table.place, key, name + " is missing");
      return "";
    }
    if (const auto* text = std::get_if<std::string>(&found->value)) return *text;
    fail(*found, key + "." + name, "a string");
    return "";
  }

  void arms() {
    tables(raw_.arms, "arm", {"name", "role", "set"}, [&](const Node& item, const std::string& key) {
      Arm arm;
      arm.place = item.place;
      arm.name = text_of(item, key, "name", true);
      arm.role = text_of(item, key, "role", false);
      if (!arm.role.empty() && arm.role != "method" && arm.role != "control")
        errors_.add(item.table()->find("role")->place, key + ".role",
                    config::quoted(arm.role) + " is unknown, " +
                        config::meant_or_allowed(arm.role, {"method", "control"}));
      if (const auto* set = item.table()->find("set")) arm.set = settings(*set, key + ".set");
      s_.arms.push_back(std::move(arm));
    });
  }

  void axes() {
    tables(raw_.axes, "axis", {"key", "values"}, [&](const Node& item, const std::string& key) {
      Axis axis;
      axis.place = item.place;
      axis.key = text_of(item, key, "key", true);
      if (const auto* given = item.table()->find("key");
          given && std::holds_alternative<std::string>(given->value) && axis.key.empty())
        errors_.add(given->place, key + ".key", "is empty, allowed is a scenario key");
      if (axis.key.empty()) return;  // nothing can be said of its values
      const auto* values = item.table()->find("values");
      if (!values || !values->array() || values->array()->items.empty())
        return errors_.add(values ? values->place : item.place, key,
                           "values is missing or empty, allowed is a list of values of " + axis.key);
      for (const auto& v : values->array()->items) {
        const Setting whole{axis.key, config::toml_text(v), v.place};
        const auto same = [&](const Setting& other) { return other.value == whole.value; };
        if (std::any_of(axis.values.begin(), axis.values.end(), same))
          errors_.add(v.place, key + ".values", whole.value + " stands here twice");
        axis.settings.emplace_back();
        if (v.table() && !config::is_one_value(*v.table()))
          flatten(*v.table(), axis.key, axis.settings.back());
        else
          axis.settings.back().push_back(whole);
        axis.values.push_back(whole);
      }
      s_.axes.push_back(std::move(axis));
    });
  }

  /// Arms have names of their own, which become folders. That subject and reference are among them the plan looks at.
  void names() {
    if (!config::is_folder_name(s_.name)) fail("study.name", "study.name", config::no_folder_name(s_.name));
    if (s_.arms.empty())
      return fail("study", "study.methods", "is missing, and there is no [[arm]]: nothing to run");
    std::set<std::string> seen;
    for (const auto& a : s_.arms) {
      if (!config::is_folder_name(a.name))
        errors_.add(a.place, "arm.name", config::no_folder_name(a.name));
      else if (!seen.insert(a.name).second)
        errors_.add(a.place, "arm.name", config::quoted(a.name) + " stands here twice");
    }
    s_.reference_given = !s_.reference.empty();
    if (s_.reference_given && s_.reference == s_.subject)
      fail("study.subject", "study.subject",
           config::quoted(s_.subject) + " is the reference too: it cannot be compared with itself");
    for (std::size_t i = 0; i < s_.controls.size(); ++i)
      if (const auto key = "study.controls[" + std::to_string(i) + "]";
          !s_.controls[i].empty() && s_.controls[i] == s_.subject)
        fail(key, key, config::quoted(s_.subject) + " is the subject: it is no control of its own");
  }

  /// Lists in which nothing may stand twice, and where the claims stand, if they do.
  void lists() {
    const auto once = [&](const std::vector<std::string>& list, const std::string& key) {
      for (std::size_t i = 0; i < list.size(); ++i)
        if (std::count(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(i), list[i]))
          fail(key + "[" + std::to_string(i) + "]", key, config::quoted(list[i]) + " stands here twice");
    };
    once(s_.controls, "study.controls");
    once(s_.distances, "study.distances");
    once(s_.claims, "study.claims");
    once(s_.statistics.family, "statistics.family");
    const auto* study = root_.table()->find("study");
    if (study && study->table() && study->table()->find("claims"))
      for (std::size_t i = 0; i < s_.claims.size(); ++i)
        s_.claim_places.push_back(config::place_of(root_, "study.claims[" + std::to_string(i) + "]"));
  }

  Node root_;
  Errors& errors_;
  Study s_;
  Raw raw_;
};

/// One error in place of one for each of a scenario's sections.
void refuse_scenario(const Node& root, const std::string& file, Errors& errors) {
  const auto* table = root.table();
  if (table->find("study")) return;
  for (const auto& e : table->entries)
    if (e.key == "scenario" && e.node.table())
      return errors.add(
          e.place, "scenario",
          fmt::format("this file is a scenario, not a study: `afu check {}` checks it, `afu run` runs it",
                      file));
}

Study finish(Node root, const std::string& file, Errors& errors) {
  if (errors.empty()) refuse_scenario(root, file, errors);
  if (!errors.empty()) throw config::ConfigError(errors.messages());
  return Parser(std::move(root), file, errors).parse();
}

/// What `read` returns, if it has nothing to complain of.
template <class Read>
Study faultless(Read read) {
  Errors errors;
  auto study = read(errors);
  if (!errors.empty()) throw config::ConfigError(errors.messages());
  return study;
}

}  // namespace

Study load_study(const std::string& file, Errors& errors) {
  auto root = config::read_document(file, errors);
  return finish(std::move(root), file, errors);
}

Study parse_study(const std::string& text, const std::string& name, Errors& errors) {
  auto root = config::parse_document(text, name, errors);
  return finish(std::move(root), name, errors);
}

Study load_study(const std::string& file) {
  return faultless([&](Errors& errors) { return load_study(file, errors); });
}

Study parse_study(const std::string& text, const std::string& name) {
  return faultless([&](Errors& errors) { return parse_study(text, name, errors); });
}

}  // namespace afu::study
