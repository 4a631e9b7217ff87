#include "config/ineffective.hpp"

#include <algorithm>
#include <map>

#include "config/scenario.hpp"
#include "config/schema.hpp"
#include "config/text.hpp"

namespace afu::config {
namespace {

std::map<std::string, Value> single_values(Scenario s, const std::vector<PluginSection>& methods) {
  std::map<std::string, Value> values;
  for (const auto& section : sections(s, methods))
    for (const auto& f : section.fields)
      if (is_single(f)) values.emplace(section.path + "." + f.option.name, get(f));
  return values;
}

bool holds(const Condition& c, const Value& other) {
  if (c.values.empty()) {
    auto* whole = std::get_if<std::int64_t>(&other);
    return whole ? *whole > 0 : std::get<double>(other) > 0;
  }
  auto* text = std::get_if<std::string>(&other);
  return std::count(c.values.begin(), c.values.end(), text ? *text : value_text(other)) > 0;
}

/// Some methods erase as another one does, by that one's section; afu_ic where it is told to.
bool erases_by(const Scenario& s, const std::vector<PluginSection>& methods, const std::string& method) {
  for (const auto& m : methods)
    if (m.name == s.unlearning.method && std::count(m.uses.begin(), m.uses.end(), method) > 0) return true;
  const auto own = s.unlearning.methods.find(s.unlearning.method);
  if (own == s.unlearning.methods.end()) return false;
  const auto kind = own->second.all().find("erasure");
  return kind != own->second.all().end() && kind->second == Value(method);
}

std::string wanted(const Condition& c, const Value& other) {
  if (c.values.empty()) return "a value above 0";
  if (!std::holds_alternative<std::string>(other)) return c.values.front();
  return quoted_list(c.values);
}

}  // namespace

const std::vector<Condition>& conditions() {
  static const std::vector<Condition> all{
      {"scenario.time_scale", "scenario.clock", {"wall"}},
      {"data.path", "data.source", {"npz", "image_folder", "manifest"}},
      {"data.image_size", "data.source", {"phantom", "image_folder", "manifest"}},
      {"data.depth", "data.source", {"phantom", "image_folder", "manifest"}},
      {"data.channels", "data.source", {"phantom", "image_folder", "manifest"}},
      {"data.as_rgb", "data.source", {"npz", "image_folder", "manifest"}},
      {"data.layout", "data.source", {"npz"}},
      {"data.cache", "data.source", {"npz", "image_folder", "manifest"}},
      {"data.classes", "data.source", {"phantom"}},
      {"data.train_samples", "data.source", {"phantom"}},
      {"data.val_samples", "data.source", {"phantom"}},
      {"data.test_samples", "data.source", {"phantom"}},
      {"data.difficulty", "data.source", {"phantom"}},
      {"data.val_fraction", "data.source", {"image_folder", "manifest"}},
      {"data.test_fraction", "data.source", {"image_folder", "manifest"}},
      {"data.split_by_subject", "data.source", {"image_folder", "manifest"}},
      {"data.unusable_share", "data.source", {"image_folder", "manifest"}},
      {"data.patients", "data.source", {"image_folder", "manifest"}},
      {"data.patient_salt_file", "data.patients", {"hashed"}},
      {"data.columns.path", "data.source", {"manifest"}},
      {"data.columns.label", "data.source", {"manifest"}},
      {"data.columns.subject", "data.source", {"manifest"}},
      {"data.columns.site", "data.source", {"manifest"}},
      {"data.columns.split", "data.source", {"manifest"}},
      {"data.columns.weight", "data.source", {"manifest"}},
      {"data.intensity.mapping", "data.source", {"npz", "image_folder", "manifest"}},
      {"data.intensity.low", "data.intensity.mapping", {"window"}},
      {"data.intensity.high", "data.intensity.mapping", {"window"}},
      {"data.slices.axis", "data.source", {"image_folder", "manifest"}},
      {"data.slices.count", "data.source", {"image_folder", "manifest"}},
      {"data.slices.count", "data.depth", {"1"}},
      {"data.slices.first", "data.source", {"image_folder", "manifest"}},
      {"data.slices.last", "data.source", {"image_folder", "manifest"}},
      {"data.backdoor.client", "data.backdoor.trigger", {"patch", "blend", "checkerboard", "noise", "warp"}},
      {"data.backdoor.fraction",
       "data.backdoor.trigger",
       {"patch", "blend", "checkerboard", "noise", "warp"}},
      {"data.backdoor.mapping", "data.backdoor.trigger", {"patch", "blend", "checkerboard", "noise", "warp"}},
      {"data.backdoor.label", "data.backdoor.trigger", {"patch", "blend", "checkerboard", "noise", "warp"}},
      {"data.backdoor.label", "data.backdoor.mapping", {"all_to_one"}},
      {"data.backdoor.size", "data.backdoor.trigger", {"patch", "checkerboard"}},
      {"data.backdoor.opacity", "data.backdoor.trigger", {"blend", "noise"}},
      {"data.backdoor.warp_strength", "data.backdoor.trigger", {"warp"}},
      {"data.backdoor.warp_grid", "data.backdoor.trigger", {"warp"}},
      {"partition.alpha", "partition.scheme", {"dirichlet", "dirichlet_client"}},
      {"partition.classes_per_client", "partition.scheme", {"pathological"}},
      {"partition.min_samples", "partition.scheme", {"dirichlet"}},
      {"model.hidden", "model.name", {"mlp"}},
      {"model.norm", "model.name", {"resnet18", "resnet50"}},
      {"model.path", "model.name", {"torchscript"}},
      {"training.momentum", "training.optimiser", {"sgd"}},
      {"training.beta1", "training.optimiser", {"adam", "adamw"}},
      {"training.beta2", "training.optimiser", {"adam", "adamw"}},
      {"training.epsilon", "training.optimiser", {"adam", "adamw"}},
      {"training.schedule_every", "training.schedule", {"step"}},
      {"training.schedule_factor", "training.schedule", {"step"}},
      {"training.schedule_length", "training.schedule", {"cosine"}},
      {"training.schedule_floor", "training.schedule", {"cosine"}},
      {"training.local_epochs", "training.local_steps", {"0"}},
      {"calibration.difference.labels", "calibration.difference.candidates", {"1"}},
      {"training.server_lr", "training.rule", {"async_delta", "fedbuff"}},
      {"training.mixing", "training.rule", {"fedasync"}},
      {"training.staleness", "training.rule", {"async_delta", "fedasync", "fedbuff"}},
      {"training.staleness_a", "training.rule", {"async_delta", "fedasync", "fedbuff"}},
      {"training.staleness_a", "training.staleness", {"polynomial", "exponential", "hinge"}},
      {"training.staleness_b", "training.staleness", {"hinge"}},
      {"training.weight_by_samples", "training.rule", {"async_delta"}},
      {"training.buffer_size", "training.rule", {"fedbuff", "port"}},
      {"training.buffer_normalisation", "training.rule", {"fedbuff"}},
      {"training.aso_beta", "training.rule", {"aso_fed"}},
      {"training.aso_feature_step", "training.rule", {"aso_fed"}},
      {"training.port_similarity", "training.rule", {"port"}},
      {"training.port_staleness", "training.rule", {"port"}},
      {"training.staleness_bound", "training.rule", {"port"}},
      {"training.ewc_samples", "training.ewc_strength", {}},
      {"training.clients_per_round", "training.rule", {"fedavg"}},
      {"training.max_in_flight", "training.rule", {"async_delta", "fedasync", "fedbuff", "aso_fed", "port"}},
      {"heterogeneity.compute.straggler_factor", "heterogeneity.compute.straggler_share", {}},
      {"heterogeneity.compute.straggler_first", "heterogeneity.compute.straggler_share", {}},
      {"heterogeneity.network.retransmit_seconds", "heterogeneity.network.loss_probability", {}},
      {"heterogeneity.availability.mean_on_seconds", "heterogeneity.availability.model", {"markov"}},
      {"heterogeneity.availability.mean_off_seconds", "heterogeneity.availability.model", {"markov"}},
      {"heterogeneity.availability.period_seconds", "heterogeneity.availability.model", {"diurnal"}},
      {"heterogeneity.availability.on_fraction", "heterogeneity.availability.model", {"diurnal"}},
      {"heterogeneity.availability.path", "heterogeneity.availability.model", {"trace"}},
      {"heterogeneity.availability.dropout_restart_seconds",
       "heterogeneity.availability.dropout_probability",
       {}},
      {"evaluation.reference_epochs", "evaluation.reference_models", {}},
      {"evaluation.rmia_a", "evaluation.reference_models", {}},
  };
  return all;
}

std::vector<std::string> ineffective(const Scenario& s, const std::vector<PluginSection>& methods) {
  const auto values = single_values(s, methods), defaults = single_values({}, methods);
  std::vector<std::string> lines;
  for (const auto& c : conditions()) {
    const auto& value = values.at(c.key);
    const auto& other = values.at(c.other);
    if (value == defaults.at(c.key) || holds(c, other)) continue;
    lines.push_back(std::string(c.key) + " = " + value_text(value) + " does nothing: " + c.other + " is " +
                    value_text(other) + ", with effect are " + wanted(c, other));
  }
  if (s.compute.nodes.empty())
    for (const auto* key :
         {"compute.only_nodes", "compute.token_file", "compute.node_patience", "compute.mixed_numerics"})
      if (const auto& value = values.at(key); value != defaults.at(key))
        lines.push_back(std::string(key) + " = " + value_text(value) +
                        " does nothing: compute.nodes names none");
  for (const auto& m : methods) {
    const auto& chosen = s.unlearning.method;
    if (m.name == chosen || erases_by(s, methods, m.name)) continue;
    const auto given = s.unlearning.methods.find(m.name);
    if (given == s.unlearning.methods.end()) continue;
    const bool changed = std::any_of(m.options.begin(), m.options.end(), [&](const Option& o) {
      return given->second.all().at(o.name) != o.fallback;
    });
    if (changed)
      lines.push_back("[unlearning." + m.name + "] does nothing: unlearning.method is " + quoted(chosen));
  }
  for (std::size_t i = 0; i < s.erasures.size(); ++i)
    if (s.erasures[i].scope != Scope::samples && s.erasures[i].fraction != Erasure{}.fraction)
      lines.push_back("erasure[" + std::to_string(i) + "].fraction = " + number_text(s.erasures[i].fraction) +
                      " does nothing: its scope is " + quoted(s.erasures[i].scope) +
                      ", with effect is \"samples\"");
    else if (s.erasures[i].named() && s.erasures[i].fraction != Erasure{}.fraction)
      lines.push_back("erasure[" + std::to_string(i) + "].fraction = " + number_text(s.erasures[i].fraction) +
                      " does nothing: its samples are those of file " + quoted(s.erasures[i].file));
  return lines;
}

}  // namespace afu::config
