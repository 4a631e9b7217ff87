#include "config/same_federation.hpp"

#include "config/scenario.hpp"
#include "config/schema.hpp"
#include "config/text.hpp"

namespace afu::config {
namespace {

bool matters(const std::string& section, const std::string& key) {
  if (section == "scenario") return key == "seed";
  if (section == "model") return key != "init_seed" && key != "init";
  if (section == "data" && key == "cache") return false;  // where pixels lie, not what they are
  return section == "data" || section.rfind("data.", 0) == 0 || section == "partition" ||
         section == "partition.shift";
}

/// Key and value of all that matters, in the schema's order.
std::vector<std::pair<std::string, std::string>> federation(Scenario s) {
  std::vector<std::pair<std::string, std::string>> facts;
  for (const auto& section : sections(s, {}))
    for (const auto& f : section.fields)
      if (matters(section.path, f.option.name) && is_single(f))
        facts.emplace_back(section.path + "." + f.option.name, value_text(get(f)));
  std::string erasures;
  for (const auto& e : s.erasures) {
    erasures += (erasures.empty() ? "" : ", ") + name_of(e.scope) + " of ";
    erasures += e.client >= 0                  ? "client " + std::to_string(e.client)
                : e.scope == Scope::data_class ? "class " + std::to_string(e.label)
                                               : "all clients";
    if (e.scope == Scope::samples)
      erasures += e.named() ? ", file " + quoted(e.file) : ", fraction " + number_text(e.fraction);
    if (e.scope == Scope::subject) erasures += ", " + quoted_list(e.subjects);
  }
  // Images that clients give are no non-members any more.
  const auto& c = s.calibration;
  facts.emplace_back("calibration.source",
                     c.source == CalibrationSource::clients
                         ? "clients (" + std::to_string(c.samples_per_environment) + " images each)"
                         : name_of(c.source));
  facts.emplace_back("erasure", erasures.empty() ? "none" : erasures);
  return facts;
}

}  // namespace

std::vector<std::string> federation_differences(const Scenario& a, const Scenario& b) {
  const auto of_a = federation(a), of_b = federation(b);
  std::vector<std::string> differences;
  for (std::size_t i = 0; i < of_a.size(); ++i)
    if (of_a[i].second != of_b[i].second)
      differences.push_back(of_a[i].first + " is " + of_a[i].second + ", not " + of_b[i].second);
  return differences;
}

}  // namespace afu::config
