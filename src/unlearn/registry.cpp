#include "unlearn/registry.hpp"

#include <algorithm>
#include <stdexcept>

namespace afu::unlearn {

Method afu_ic_method();
Method fedquit_method();
Method gradient_ascent_method();
Method none_method();
Method pga_method();
Method retrain_method();

const std::vector<Method>& methods() {
  static const std::vector<Method> table{
      afu_ic_method(), fedquit_method(), gradient_ascent_method(),
      none_method(),   pga_method(),     retrain_method(),
  };
  return table;
}

const Method& find_method(const std::string& name) {
  std::string known;
  for (const auto& m : methods()) {
    if (m.name == name) return m;
    known += (known.empty() ? "" : ", ") + m.name;
  }
  throw std::invalid_argument("unknown unlearning method '" + name + "'; allowed: " + known);
}

std::vector<config::PluginSection> method_sections() {
  std::vector<config::PluginSection> sections;
  for (const auto& m : methods()) sections.push_back({m.name, m.help, m.options});
  return sections;
}

Coordination coordination(const Method& method, const std::string& asked) {
  if (asked == "default") return method.traits.default_coordination;
  const auto wanted = asked == "blocking" ? Coordination::blocking : Coordination::concurrent;
  const auto& offered = method.traits.coordinations;
  if (std::find(offered.begin(), offered.end(), wanted) != offered.end()) return wanted;
  throw std::invalid_argument("method '" + method.name + "' has no " + asked + " form; it is " +
                              (offered.front() == Coordination::blocking ? "blocking" : "concurrent"));
}

}  // namespace afu::unlearn
