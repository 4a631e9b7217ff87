#include "config/changes.hpp"

#include <map>

#include "config/scenario.hpp"
#include "config/writer.hpp"

namespace afu::config {

namespace {

bool counts(const std::string& key, const std::string& wanted) {
  if (key == "scenario.name" || key == "output.folder") return false;
  if (key == "compute.lanes" || key == "compute.lookahead") return false;
  if (key == "compute.nodes" || key == "compute.only_nodes" || key == "compute.token_file" ||
      key == "compute.node_patience")
    return false;
  return key.rfind("output.", 0) != 0 || wanted == "true";
}

}  // namespace

std::vector<std::string> changes(const Scenario& held, const Scenario& wanted,
                                 const std::vector<PluginSection>& methods) {
  std::map<std::string, std::string> was;
  for (auto& [key, value] : key_values(held, methods)) was[key] = value;
  std::vector<std::string> out;
  for (const auto& [key, is] : key_values(wanted, methods)) {
    const auto found = was.find(key);
    const auto before = found == was.end() ? "not given" : found->second;
    if (found != was.end()) was.erase(found);
    if (before != is && counts(key, is)) out.push_back(key + " was " + before + ", is " + is);
  }
  for (const auto& [key, value] : was) out.push_back(key + " was " + value + ", is not given");
  return out;
}

}  // namespace afu::config
