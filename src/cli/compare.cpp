/// afu compare: runs against retrained references, and those against each other.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include "attack/compare.hpp"
#include "base/csv_figure.hpp"
#include "base/json_text.hpp"
#include "base/output_file.hpp"
#include "cli/distances.hpp"
#include "cli/study_folder.hpp"
#include "cli/terminal.hpp"
#include "cli/verb.hpp"
#include "config/loader.hpp"
#include "config/same_federation.hpp"
#include "config/text.hpp"
#include "methods/registry.hpp"
#include "record/seal.hpp"

namespace afu::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> runs, references;
  std::string snapshot, csv;
};

struct Run {
  std::string name;
  config::Scenario scenario;
};

Run load_run(const std::string& folder) {
  const auto file = fs::path(folder) / "scenario.toml";
  if (!fs::exists(file)) throw UsageError(folder + ": no run: it holds no scenario.toml");
  if (const auto damage = record::damage(folder); !damage.empty())
    throw UsageError(folder + ": damaged: " + damage);
  Run run{folder, config::load_scenario(file.string(), {}, methods::method_sections())};
  if (const auto& notes = run.scenario.notes; !notes.empty())  // of a record nobody changes a key
    tell("afu: warning: {}: keys by names that the next version will not know: {}, such as {}\n", folder,
         notes.size(), notes.front().key);
  return run;
}

/// Where a run's weights, a retraining's last ones, came from: the same for two runs that began alike.
std::string beginning(const config::Scenario& s) {
  if (config::traits(s.model.name).imported) return "file " + s.model.path;  // its weights, whatever the seed
  if (s.unlearning.method == "retrain")
    if (const auto own = s.unlearning.methods.at("retrain").integer("init_seed"); own > 0)
      return std::to_string(own);
  if (!s.model.init.empty()) return "file " + s.model.init;
  return std::to_string(s.model.init_seed > 0 ? s.model.init_seed
                                              : static_cast<std::int64_t>(s.scenario.seed));
}

/// A model of a run that did not come to its end is a model all the same, and its distances are true of it.
void warn_of_ending(const std::string& folder) {
  const auto ended = ending_of(folder);
  if (ended != "completed")
    tell("afu: warning: {}: {}: its model is not that of a run that completed\n", folder,
         ended.empty() ? "it does not tell how it ended (context.ended of its summary.json)" : ended);
}

/// All runs must be of one federation; begins alike is allowed, but said.
void check(const std::vector<Run>& runs, const std::vector<Run>& references) {
  const auto& first = references.front();
  if (first.scenario.erasures.empty())
    throw UsageError(first.name + ": nobody asks to be forgotten: there is nothing to compare on");
  std::map<std::string, std::string> begun;
  for (const auto& r : references) {
    const auto [same, fresh] = begun.emplace(beginning(r.scenario), r.name);
    if (!fresh)
      tell(
          "afu: note: {} and {} began with the same weights: their distance is too low a floor "
          "(give references their own unlearning.retrain.init_seed)\n",
          same->second, r.name);
  }
  for (const auto* list : {&references, &runs})
    for (const auto& r : *list) {
      std::string text;
      for (const auto& d : config::federation_differences(r.scenario, first.scenario)) text += "\n  " + d;
      if (!text.empty())
        throw UsageError(r.name + ": not of the same federation as " + first.name + ":" + text);
      const auto same = begun.find(beginning(r.scenario));
      if (list == &runs && same != begun.end() && same->second != r.name)
        tell("afu: note: {} began with the weights of {}, which flatters it\n", r.name, same->second);
    }
}

void write_csv(const std::string& path, const std::vector<attack::ComparisonRow>& rows) {
  fmt::memory_buffer text;
  const auto quoted = [](const std::string& name) {
    if (name.find_first_of(",\"\n") == std::string::npos) return name;
    std::string out = "\"";
    for (char c : name) out += c == '"' ? "\"\"" : std::string(1, c);
    return out + "\"";
  };
  base::append_text(text, "run,reference,set,figure,value\n");
  for (const auto& r : rows) {
    base::append(text, FMT_COMPILE("{},{},{},{},{}\n"), quoted(r.run), quoted(r.reference), quoted(r.set),
                 r.figure, base::csv_figure(r.value));
  }
  base::write_whole(path, {text.data(), text.size()});
}

void print_table(const std::vector<attack::ComparisonRow>& rows) {
  std::vector<std::string> names;
  std::map<std::string, std::map<std::string, double>> means;  // of each run: "set.figure"
  for (const auto& r : rows) {
    if (r.reference != attack::mean_of_references) continue;
    if (names.empty() || names.back() != r.run) names.push_back(r.run);
    means[r.run][r.set + "." + r.figure] = r.value;
  }
  std::size_t width = 12;
  for (const auto& n : names) width = std::max(width, n.size());
  const std::pair<const char*, const char*> columns[] = {{"KL forget", "forget.kl"},
                                                         {"JS forget", "forget.js"},
                                                         {"agreement", "forget.agreement"},
                                                         {"JS test", "test.js"},
                                                         {"JS trigger", "triggered.js"},
                                                         {"|dw|/|w|", "parameters.relative"},
                                                         {"dMIA AUC", "membership.dmia_auc"},
                                                         {"+-", "membership.dmia_auc_error"},
                                                         {"|dMIA-0.5|", "membership.dmia_distance"}};
  print("{:<{}}", "mean over references", std::max<std::size_t>(width, 20) + 2);
  for (const auto& [title, key] : columns) print("{:>12}", title);
  print("\n");
  for (const auto& n : names) {
    const auto shown = n == attack::among_references ? "among references" : config::printable(n, true);
    print("{:<{}}", shown, std::max<std::size_t>(width, 20) + 2);
    for (const auto& [title, key] : columns) {
      const auto i = means[n].find(key);
      const bool told = i != means[n].end() && std::isfinite(i->second);
      print("{:>12}", told ? fmt::format("{:.4f}", i->second) : "-");
    }
    print("\n");
  }
}

int compare(const Options& o) {
  std::vector<Run> runs, references;
  for (const auto& r : o.runs) runs.push_back(load_run(r));
  for (const auto& r : o.references) references.push_back(load_run(r));
  check(runs, references);
  std::set<std::string> looked_at;
  for (const auto* list : {&runs, &references})
    for (const auto& r : *list)
      if (looked_at.insert(r.name).second) warn_of_ending(r.name);

  std::vector<KeptModel> compared, against;
  for (const auto& r : runs)
    compared.push_back({r.name, o.snapshot.empty() ? "model.pt" : "snapshot_" + o.snapshot + ".pt"});
  for (const auto& r : references) against.push_back({r.name, "model.pt"});
  const auto comparison = distances_between(references.front().scenario, compared, against);
  if (!o.csv.empty()) write_csv(o.csv, comparison.rows);
  print_table(comparison.rows);
  for (const auto& name : comparison.not_finite)
    tell("afu: {}: parameters or answers of its model are not finite: it has no distances\n", name);
  return comparison.not_finite.empty() ? 0 : 1;
}

}  // namespace

std::function<int()> declare_compare(CLI::App& app) {
  auto o = std::make_shared<Options>();
  app.add_option("runs", o->runs, "Folders of runs")->required();
  app.add_option("--reference", o->references, "Folder of a retrained run; give several")
      ->required()
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--snapshot", o->snapshot, "Compare this model of the runs instead of the last one")
      ->check(CLI::IsMember({"before", "merged", "plus16", "final"}));
  app.add_option("--csv", o->csv, "File for every figure against every reference");
  return [o] { return compare(*o); };
}

}  // namespace afu::cli
