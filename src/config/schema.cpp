#include "config/schema.hpp"

#include "config/scenario.hpp"
#include "config/schema_parts.hpp"
#include "config/sections/calibration_research.hpp"

namespace afu::config {

std::vector<Section> sections(Scenario& s, const std::vector<PluginSection>& methods) {
  using namespace schema;
  std::vector<Section> all{
      scenario(s.scenario),
      data(s.data),
      columns(s.data.columns),
      intensity(s.data.intensity),
      slices(s.data.slices),
      backdoor(s.data.backdoor),
      partition(s.partition),
      site_shift(s.partition.shift),
      model(s.model),
      training(s.training),
      augment(s.training.augment),
      compute_heterogeneity(s.heterogeneity.compute),
      network_heterogeneity(s.heterogeneity.network),
      availability(s.heterogeneity.availability),
      {"", "", {tables("erasure", s.erasures, "A request to be forgotten; repeat it for several.")}},
      unlearning(s.unlearning, methods)};
  for (const auto& method : methods) {
    auto& values = s.unlearning.methods.try_emplace(method.name, method.options).first->second;
    Section section{"unlearning." + method.name, method.help, {}};
    for (const auto& option : method.options) section.fields.push_back({option, PluginSlot{&values}});
    all.push_back(std::move(section));
  }
  all.push_back(calibration(s.calibration));
  all.push_back(evaluation(s.evaluation));
  all.push_back(compute(s.compute));
  all.push_back(output(s.output));
  all.push_back(stop(s.stop));
  all.push_back(calibration_difference(s.calibration.research->difference));
  all.push_back(calibration_research(*s.calibration.research));
  return all;
}

Value get(const Field& f) {
  if (auto* p = std::get_if<bool*>(&f.slot)) return **p;
  if (auto* p = std::get_if<std::int64_t*>(&f.slot)) return **p;
  if (auto* p = std::get_if<std::uint64_t*>(&f.slot)) return static_cast<std::int64_t>(**p);
  if (auto* p = std::get_if<double*>(&f.slot)) return **p;
  if (auto* p = std::get_if<std::string*>(&f.slot)) return **p;
  if (auto* p = std::get_if<ChoiceSlot>(&f.slot)) return p->get();
  return std::get<PluginSlot>(f.slot).values->all().at(f.option.name);
}

void set(const Field& f, const Value& v) {
  if (auto* p = std::get_if<bool*>(&f.slot)) {
    **p = std::get<bool>(v);
  } else if (auto* p = std::get_if<std::int64_t*>(&f.slot)) {
    **p = std::get<std::int64_t>(v);
  } else if (auto* p = std::get_if<std::uint64_t*>(&f.slot)) {
    **p = static_cast<std::uint64_t>(std::get<std::int64_t>(v));
  } else if (auto* p = std::get_if<double*>(&f.slot)) {
    **p = std::get<double>(v);
  } else if (auto* p = std::get_if<std::string*>(&f.slot)) {
    **p = std::get<std::string>(v);
  } else if (auto* p = std::get_if<ChoiceSlot>(&f.slot)) {
    p->set(std::get<std::string>(v));
  } else {
    std::get<PluginSlot>(f.slot).values->set(f.option.name, v);
  }
}

bool is_single(const Field& f) {
  return !std::holds_alternative<Distribution*>(f.slot) &&
         !std::holds_alternative<std::vector<std::string>*>(f.slot) &&
         !std::holds_alternative<std::vector<std::int64_t>*>(f.slot) &&
         !std::holds_alternative<std::vector<Erasure>*>(f.slot) &&
         !std::holds_alternative<std::vector<ComputeOverride>*>(f.slot) &&
         !std::holds_alternative<std::vector<NetworkOverride>*>(f.slot) &&
         !std::holds_alternative<Node*>(f.slot);
}

std::string variant_of(const Section& section) {
  for (const auto& f : section.fields)
    if (f.option.name == "variant" && std::holds_alternative<PluginSlot>(f.slot))
      return std::get<std::string>(get(f));
  return {};
}

bool told_by_variant(const Section& section, const Field& f) {
  return f.option.retired && get(f) == f.option.default_in(variant_of(section));
}

}  // namespace afu::config
