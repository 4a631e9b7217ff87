#include "config/loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "config/checks.hpp"
#include "config/document.hpp"
#include "config/fetched_sets.hpp"
#include "config/implied_keys.hpp"
#include "config/old_keys.hpp"
#include "config/reader.hpp"
#include "config/scenario.hpp"

namespace afu::config {

namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& l : lines) out += (out.empty() ? "" : "\n") + l;
  return out;
}

/// Whether it is of an element of an array, `erasure[1].client=2`: how many there are only the file knows.
bool names_an_element(const std::string& override_text) {
  const auto steps = key_steps(override_text.substr(0, override_text.find('=')));
  return std::any_of(steps.begin(), steps.end(), is_index);
}

/// Somebody gave a study's file where a scenario's is read: of all that it would lack as a scenario nothing is told.
void refuse_study(const Node& root, const std::string& file) {
  const auto& entries = root.table()->entries;
  const auto study = std::find_if(entries.begin(), entries.end(),
                                  [](const auto& e) { return e.key == "study" && e.node.table(); });
  if (study == entries.end()) return;
  Errors errors;
  errors.add(
      study->place, "study",
      fmt::format(
          "this file is a study, not a scenario: `afu study {} --plan` checks it and prints its cells, "
          "without --plan it runs",
          file));
  throw ConfigError(errors.messages());
}

Scenario finish(Node root, const std::string& file, const std::vector<std::string>& overrides,
                const std::vector<PluginSection>& methods, Errors& errors) {
  // What could not be read, after a syntax error or of an include, is unknown: of the rest each value is looked at by itself.
  const bool whole = errors.empty();
  if (whole) refuse_study(root, file);
  for (const auto& o : overrides)
    if (whole || !names_an_element(o)) apply_override(root, o, errors);
  Scenario s;
  s.file = file;
  s.notes = rename_old_keys(root, errors);
  for (auto& note : retired_keys(root, methods)) s.notes.push_back(std::move(note));
  if (whole) imply_keys(root, methods);
  read_scenario(root, methods, s, errors);
  if (whole) check_scenario(s, root, methods, errors);
  if (!errors.empty()) throw ConfigError(errors.messages());
  return s;
}

}  // namespace

ConfigError::ConfigError(std::vector<std::string> messages)
    : InputError(joined(messages)), messages_(std::move(messages)) {}

Scenario load_scenario(const std::string& file, const std::vector<std::string>& overrides,
                       const std::vector<PluginSection>& methods) {
  Errors errors;
  auto root = read_document(file, errors);
  return finish(std::move(root), file, overrides, methods, errors);
}

Scenario parse_scenario(const std::string& text, const std::string& name,
                        const std::vector<std::string>& overrides,
                        const std::vector<PluginSection>& methods) {
  Errors errors;
  auto root = parse_document(text, name, errors);
  return finish(std::move(root), name, overrides, methods, errors);
}

std::vector<std::string> override_errors(const std::vector<std::string>& overrides,
                                         const std::vector<PluginSection>& methods) {
  Errors errors;
  Node root{Table{}, {}};
  for (const auto& o : overrides)
    if (!names_an_element(o)) apply_override(root, o, errors);
  Scenario s;
  rename_old_keys(root, errors);
  read_scenario(root, methods, s, errors);
  return errors.messages();
}

std::string resolve_data_path(const std::string& path, const std::string& scenario_file) {
  namespace fs = std::filesystem;
  std::vector<fs::path> places;
  if (fs::path{path}.is_absolute()) {
    places.emplace_back(path);
  } else {
    if (!scenario_file.empty()) places.push_back(fs::path{scenario_file}.parent_path() / path);
    places.push_back(fs::current_path() / path);
    auto* folder = std::getenv("AFU_DATA_DIR");
    if (folder && *folder) places.push_back(fs::path{folder} / path);
  }
  std::vector<std::string> tried;
  for (const auto& p : places) {
    std::error_code ignored;
    if (fs::exists(p, ignored)) return p.lexically_normal().string();
    auto whole = fs::absolute(p).lexically_normal().string();
    if (std::find(tried.begin(), tried.end(), whole) == tried.end()) tried.push_back(std::move(whole));
  }
  auto* folder = std::getenv("AFU_DATA_DIR");
  const bool no_folder = fs::path{path}.is_relative() && !(folder && *folder);
  throw InputError(path + ": no such file or folder; tried " + fmt::format("{}", fmt::join(tried, ", ")) +
                   (no_folder ? "; AFU_DATA_DIR is not set" : "") + how_to_get(path));
}

}  // namespace afu::config
