#include "config/old_keys.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace afu::config {
namespace {

Note note(const Place& place, const std::string& key, std::string text) {
  return {place.is_override ? "--set" : place_text(place), key, std::move(text)};
}

/// Out of the table; its place is the key's, or the override's.
Table::Entry taken(Table& table, const std::string& name) {
  const auto at = std::find_if(table.entries.begin(), table.entries.end(),
                               [&](const Table::Entry& e) { return e.key == name; });
  auto entry = std::move(*at);
  table.entries.erase(at);
  return entry;
}

}  // namespace

const std::vector<RenamedKey>& renamed_keys() {
  static const std::vector<RenamedKey> all{
      {"calibration.stages", "calibration.research.stages"},
      {"calibration.until_loss", "calibration.research.until_loss"},
      {"calibration.until_loss_steps", "calibration.research.until_loss_steps"},
      {"calibration.kd", "calibration.research.kd"},
      {"calibration.fisher", "calibration.research.fisher"},
      {"calibration.fisher_form", "calibration.research.fisher_form"},
      {"calibration.fisher_samples", "calibration.research.fisher_samples"},
      {"calibration.anneal_jobs", "calibration.research.anneal_jobs"},
      {"calibration.divide_loss", "calibration.research.divide_loss"},
      {"calibration.adversarial_every", "calibration.research.adversarial_every"},
      {"calibration.adversarial_steps", "calibration.research.adversarial_steps"},
      {"calibration.adversarial_lr", "calibration.research.adversarial_lr"},
      {"calibration.adversarial_sparsity", "calibration.research.adversarial_sparsity"},
      {"calibration.irm_estimator", "calibration.research.irm_estimator"},
      {"calibration.sunset_jobs", "calibration.research.sunset_jobs"},
      {"calibration.sunset_factor", "calibration.research.sunset_factor"},
      {"calibration.gate", "calibration.research.gate"},
      {"calibration.gate_epsilon", "calibration.research.gate_epsilon"},
      {"calibration.gate_samples", "calibration.research.gate_samples"},
      {"calibration.staleness_discount", "calibration.research.staleness_discount"},
      {"calibration.max_delta", "calibration.research.max_delta"},
      {"calibration.guard_rank", "calibration.research.guard_rank"},
      {"calibration.guard_restore", "calibration.research.guard_restore"},
      {"calibration.guard_restore_every", "calibration.research.guard_restore_every"},
      {"calibration.guard_measure", "calibration.research.guard_measure"},
      {"unlearning.prune.idf", "unlearning.prune.variant"},
  };
  return all;
}

std::vector<Note> rename_old_keys(Node& root, Errors& errors) {
  std::vector<Note> notes;
  for (const auto& [before, now] : renamed_keys()) {
    const auto [old_section, old_name] = parts(before);
    const auto [section, name] = parts(now);
    if (!node_at(root, before)) continue;
    if (node_at(root, section) && !table_at(root, section)) continue;  // the reader refuses what stands there
    auto entry = taken(*table_at(root, old_section), old_name);
    if (const auto* given = node_at(root, now)) {
      errors.add(entry.place, before,
                 std::string("is ") + now + " now, which is given too (" + place_text(given->place) +
                     "); allowed is that one alone");
      continue;
    }
    notes.push_back(note(entry.place, before,
                         std::string("is ") + now + " now; the old name goes with the next version"));
    entry.key = name;
    put(root, section, std::move(entry));
  }
  return notes;
}

std::vector<Note> retired_keys(const Node& root, const std::vector<PluginSection>& methods) {
  std::vector<Note> notes;
  for (const auto& m : methods)
    for (const auto& o : m.options) {
      const auto section = "unlearning." + m.name + ".";
      const auto* node = o.retired ? node_at(root, section + o.name) : nullptr;
      if (node)
        notes.push_back(note(node->place, section + o.name,
                             "goes with the next version; until then it overrides " + section +
                                 "variant, which takes its place"));
    }
  return notes;
}

}  // namespace afu::config
