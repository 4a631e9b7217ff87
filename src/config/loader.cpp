#include "config/loader.hpp"

#include <cstdlib>
#include <filesystem>

#include "config/checks.hpp"
#include "config/document.hpp"
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

Scenario finish(Node root, const std::string& file, const std::vector<std::string>& overrides,
                const std::vector<PluginSection>& methods, Errors& errors) {
  // After a syntax error the rest of the file is unknown: what would follow from that is no news.
  if (!errors.empty()) throw ConfigError(errors.messages());
  for (const auto& o : overrides) apply_override(root, o, errors);
  Scenario s;
  s.file = file;
  s.notes = rename_old_keys(root, errors);
  for (auto& note : retired_keys(root, methods)) s.notes.push_back(std::move(note));
  read_scenario(root, methods, s, errors);
  check_scenario(s, root, methods, errors);
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
  std::string tried;
  for (const auto& p : places) {
    std::error_code ignored;
    if (fs::exists(p, ignored)) return p.lexically_normal().string();
    tried += (tried.empty() ? "" : ", ") + p.lexically_normal().string();
  }
  auto* folder = std::getenv("AFU_DATA_DIR");
  const bool no_folder = fs::path{path}.is_relative() && !(folder && *folder);
  throw InputError(path + ": no such file or folder; tried " + tried +
                   (no_folder ? "; AFU_DATA_DIR is not set" : ""));
}

}  // namespace afu::config
