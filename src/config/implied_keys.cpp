#include "config/implied_keys.hpp"

#include <algorithm>
#include <string>
#include <variant>

#include "config/scenario.hpp"

namespace afu::config {
namespace {

/// Null: there is no string there.
const std::string* text_at(const Node& root, const std::string& key) {
  const auto* node = node_at(root, key);
  return node ? std::get_if<std::string>(&node->value) : nullptr;
}

Node node_of(const Value& value, const Place& place) {
  return std::visit([&](const auto& v) { return Node{v, place}; }, value);
}

}  // namespace

void imply_keys(Node& root, const std::vector<PluginSection>& methods) {
  const auto* asked = text_at(root, "unlearning.method");
  const auto used = asked ? *asked : Scenario{}.unlearning.method;
  const auto method =
      std::find_if(methods.begin(), methods.end(), [&](const auto& m) { return m.name == used; });
  if (method == methods.end()) return;
  for (const auto& implied : method->implied) {
    const auto at = "unlearning." + method->name + "." + implied.option;
    const auto* choice = text_at(root, at);
    if (!choice || *choice == implied.unless) continue;
    const auto place = node_at(root, at)->place;
    for (const auto& [key, value] : implied.keys) {
      if (node_at(root, key)) continue;
      const auto [section, name] = parts(key);
      put(root, section, {name, place, node_of(value, place)});  // else the reader refuses what stands there
    }
  }
}

}  // namespace afu::config
