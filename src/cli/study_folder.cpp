#include "cli/study_folder.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/host.hpp"
#include "base/json_depth.hpp"
#include "base/output_file.hpp"
#include "config/changes.hpp"
#include "config/loader.hpp"
#include "config/writer.hpp"
#include "device/devices.hpp"
#include "methods/registry.hpp"
#include "record/run_folder.hpp"
#include "record/seal.hpp"

namespace afu::cli {
namespace {

namespace fs = std::filesystem;
using Kind = CellState::Kind;
using Json = nlohmann::ordered_json;

constexpr std::size_t most_named = 5;  ///< cells of one kind in a message

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The text under `key`; empty: there is none.
std::string text_of(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Json context_of(const fs::path& cell_folder) {
  const auto summary = base::parse_or_discard(content(cell_folder / "summary.json"));
  if (!summary.is_object() || !summary.contains("context")) return {};
  return summary["context"];
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string out;
  for (const auto& p : parts) out += (out.empty() ? "" : between) + p;
  return out;
}

/// What of the scenario and the files that it names is not what the cell in `folder` ran with.
std::string changes_of(const study::Cell& cell, const fs::path& folder, const record::Seal& seal) {
  const auto methods = methods::method_sections();
  config::Scenario wanted, held;
  try {
    wanted = config::with_absolute_paths(cell.scenario);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  try {
    held = config::load_scenario((folder / "scenario.toml").string(), {}, methods);
  } catch (const config::ConfigError& e) {
    return "its scenario cannot be read by this program: " + e.messages().front();
  }
  auto found = config::changes(held, wanted, methods);
  for (const auto& [key, path] : config::used_paths(wanted)) {
    if (std::any_of(found.begin(), found.end(),
                    [&, key = key](const auto& f) { return f.rfind(key, 0) == 0; }))
      continue;  // the path itself changed, which is told
    const auto same_path = [&, key = key, path = path](const record::Input& i) {
      return i.key == key && i.path == path;
    };
    const auto input = std::find_if(seal.inputs.begin(), seal.inputs.end(), same_path);
    try {
      if (input == seal.inputs.end())
        found.push_back(fmt::format("{}: what '{}' held is not known", key, path));
      else if (!(record::digest_of_input(path) == input->digest))
        found.push_back(fmt::format("{}: the content of '{}' is another", key, path));
    } catch (const std::runtime_error& e) {
      found.push_back(key + ": " + e.what());
    }
  }
  return joined(found, "; ");
}

CellState state_of(const study::Cell& cell, const fs::path& folder) {
  std::error_code ignored;
  const bool failed = fs::exists(folder / "failure.txt", ignored);
  const bool sealed = fs::exists(folder / "files.json", ignored);
  if (!sealed && !fs::exists(folder / "summary.json", ignored)) {
    if (!failed) return {};
    auto why = content(folder / "failure.txt");
    while (!why.empty() && (why.back() == '\n' || why.back() == ' ')) why.pop_back();
    return {Kind::open, "failed: " + why, {}};
  }
  if (!sealed) return {Kind::damaged, "files.json is missing (a kill at the end, or an older afu)", {}};
  record::Seal seal;
  try {
    seal = record::read_seal(folder);
  } catch (const std::runtime_error& e) {
    return {Kind::damaged, e.what(), {}};
  }
  if (auto damage = record::damage(folder, seal); !damage.empty()) return {Kind::damaged, damage, {}};
  const auto context = context_of(folder);
  const auto ended = text_of(context, "ended");
  if (ended.empty()) return {Kind::damaged, "summary.json does not tell how the run ended", {}};
  if (ended != "completed") return {Kind::open, ended, {}};
  if (failed) return {Kind::damaged, "failure.txt stands beside a completed run", {}};
  if (auto why = changes_of(cell, folder, seal); !why.empty()) return {Kind::changed, why, {}};
  return {Kind::complete, {}, text_of(context, "revision")};
}

/// "a, b and 3 more"
std::string some(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), most_named); ++i) out += (i ? ", " : "") + names[i];
  if (names.size() > most_named) out += fmt::format(" and {} more", names.size() - most_named);
  return out;
}

/// Cells that differ in the same keys are named together.
std::string changes_text(const study::Plan& plan, const std::vector<CellState>& cells) {
  std::vector<std::pair<std::string, std::vector<std::string>>> by_why;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells[i].kind != Kind::changed) continue;
    const auto same = [&](const auto& w) { return w.first == cells[i].why; };
    auto found = std::find_if(by_why.begin(), by_why.end(), same);
    if (found == by_why.end()) found = by_why.insert(by_why.end(), {cells[i].why, {}});
    found->second.push_back(plan.cells[i].folder);
  }
  std::string out;
  for (const auto& [why, folders] : by_why) out += fmt::format("\n  {}: {}", some(folders), why);
  return out;
}

/// Finished cells of the manifest `held` that the plan does not have.
std::vector<std::string> left_behind(const study::Plan& plan, const fs::path& folder, const Json& held,
                                     bool& any_of_the_plan) {
  std::set<std::string> mine;
  for (const auto& c : plan.cells) mine.insert(c.folder);
  std::vector<std::string> out;
  if (!held.contains("cells") || !held["cells"].is_array()) return out;
  for (const auto& c : held["cells"]) {
    const auto name = text_of(c, "folder");
    if (mine.count(name))
      any_of_the_plan = true;
    else if (!name.empty() && has_completed(folder / name))
      out.push_back(name);
  }
  return out;
}

/// Of the manifest that the folder holds already.
void judge_manifest(const study::Plan& plan, const fs::path& folder, StudyFolder& out) {
  const auto path = folder / "study.json";
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return;
  const auto held = base::parse_or_discard(content(path));
  if (held.is_discarded()) {
    out.notes.push_back(fmt::format("'{}' is damaged and written anew", path.string()));
    return;
  }
  const auto name = text_of(held, "name");
  if (name.empty()) {
    out.refusal = fmt::format("'{}' is no study's manifest: choose another folder", path.string());
    return;
  }
  bool any_of_the_plan = false;
  const auto behind = left_behind(plan, folder, held, any_of_the_plan);
  const auto why = name != plan.study.name ? fmt::format("study.name was {}, is {}", name, plan.study.name)
                   : !behind.empty() && !any_of_the_plan
                       ? fmt::format("none of its {} finished cells is of this one", behind.size())
                       : std::string();
  if (!why.empty())
    out.refusal = fmt::format("output folder '{}' holds another study ({}): choose another folder",
                              folder.string(), why);
  else if (!behind.empty())
    out.notes.push_back(fmt::format(
        "{} finished {} in '{}' of arms, axes or seeds that the study no longer has: {}", behind.size(),
        behind.size() == 1 ? "cell is" : "cells are", folder.string(), some(behind)));
}

}  // namespace

std::size_t StudyFolder::count(Kind kind) const {
  return static_cast<std::size_t>(
      std::count_if(cells.begin(), cells.end(), [&](const CellState& c) { return c.kind == kind; }));
}

StudyFolder examine(const study::Plan& plan, const fs::path& folder, bool rerun_changed) {
  StudyFolder out;
  judge_manifest(plan, folder, out);
  for (const auto& cell : plan.cells) out.cells.push_back(state_of(cell, folder / cell.folder));
  const auto changed = out.count(Kind::changed);
  if (changed > 0 && out.refusal.empty()) {
    const auto text =
        fmt::format("{} finished {} in '{}' ran from another scenario than the study gives {} now:{}",
                    changed, changed == 1 ? "cell" : "cells", folder.string(), changed == 1 ? "it" : "them",
                    changes_text(plan, out.cells));
    if (rerun_changed)
      out.notes.push_back(text);
    else
      out.refusal = text + "\nchoose another folder, or have these cells run anew: --rerun-changed";
  }
  std::set<std::string> others;
  for (const auto& c : out.cells)
    if (!c.revision.empty() && c.revision != device::revision()) others.insert(c.revision);
  if (!others.empty())
    out.notes.push_back(fmt::format(
        "finished cells were run by other revisions of afu ({}; this is {}): their figures may differ "
        "by what changed since",
        joined({others.begin(), others.end()}, ", "), device::revision()));
  return out;
}

CellState examine_cell(const study::Cell& cell, const fs::path& folder) {
  return state_of(cell, folder / cell.folder);
}

std::unique_ptr<record::FolderLock> lock_study_folder(const fs::path& folder,
                                                      record::FolderLock::Sharing sharing) {
  std::error_code error;
  for (const char* of_a_run : {"scenario.toml", "summary.json"})
    if (fs::exists(folder / of_a_run, error))
      throw record::RunFolderError(fmt::format("output folder '{}' holds a run ({}): choose another folder",
                                               folder.string(), of_a_run));
  fs::create_directories(folder, error);
  if (error)
    throw record::RunFolderError(
        fmt::format("cannot create output folder '{}': {}", folder.string(), error.message()));
  return std::make_unique<record::FolderLock>(folder, sharing);
}

bool is_of_another_form(const study::Plan& plan, const fs::path& folder) {
  const auto path = folder / "study.json";
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return false;
  auto held = base::parse_or_discard(content(path));
  auto wanted =
      base::parse_or_discard(study::manifest(plan, "").dump(2, ' ', false, Json::error_handler_t::replace));
  if (!held.is_object()) return true;
  for (auto* j : {&held, &wanted})
    for (const char* key : {"command", "file"}) j->erase(key);  // as this or that user typed it
  return held != wanted;
}

void write_manifest(const study::Plan& plan, const fs::path& folder, const std::string& command) {
  const auto write = [&](const char* name, const std::string& text) {
    const auto path = folder / name;
    // Under a name of its own until it is whole: several workers may begin at once.
    const auto part = folder / fmt::format("{}.{}-{}.part", name, base::host_info().name, ::getpid());
    base::OutputFile file(part);
    file.buffer().append(text);
    file.close();
    base::place_whole(part, path);
  };
  write("study.json",
        study::manifest(plan, command).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  write("study.toml", content(plan.study.file));
}

std::string ending_of(const fs::path& run_folder) { return text_of(context_of(run_folder), "ended"); }

bool has_completed(const fs::path& cell_folder) {
  std::error_code ignored;
  return !fs::exists(cell_folder / "failure.txt", ignored) && ending_of(cell_folder) == "completed";
}

}  // namespace afu::cli
