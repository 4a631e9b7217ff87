#pragma once
/// Every option of a scenario, declared once: the parser, the messages, the reference and the resolved
/// scenario all walk these tables. Defaults stand in scenario.hpp only.
#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "config/option.hpp"
#include "config/scenario_fwd.hpp"
#include "config/sections/distribution.hpp"
#include "config/sections/heterogeneity.hpp"
#include "config/sections/scenario.hpp"
#include "config/sections/unlearning.hpp"

namespace afu::config {

struct Node;

/// A key whose value is one of an enum's (config/choice.hpp).
struct ChoiceSlot {
  std::function<std::string()> get;
  std::function<void(const std::string&)> set;  ///< takes one of the option's choices
};

/// An option that a plug-in declared: its value is kept by name.
struct PluginSlot {
  Values* values;
};

/// Where an option's value lives. A Node is taken as it stands: whoever declared the option reads it.
using Slot =
    std::variant<bool*, std::int64_t*, std::uint64_t*, double*, std::string*, ChoiceSlot, Distribution*,
                 std::vector<std::string>*, std::vector<std::int64_t>*, std::vector<Erasure>*,
                 std::vector<ComputeOverride>*, std::vector<NetworkOverride>*, Node*, PluginSlot>;

struct Field {
  Option option;  ///< of a distribution, name, help, unit and the range of a constant only; of a table array,
                  ///< name and help
  Slot slot;
  std::vector<std::string> aliases{};  ///< what people type instead; only for suggestions
  std::string example{};               ///< TOML value for the reference, where the default would not do
  bool required = false;               ///< must be given
  bool may_be_unset = false;           ///< a number that is negative while it is not given

  Field&& alias(std::vector<std::string> names) && { return aliases = std::move(names), std::move(*this); }
  Field&& in_reference(std::string value) && { return example = std::move(value), std::move(*this); }
  Field&& needed() && { return required = true, std::move(*this); }
  Field&& optional() && { return may_be_unset = true, std::move(*this); }
};

struct Section {
  std::string path;  ///< "heterogeneity.compute"; empty: the top level, which holds [[erasure]] only
  std::string help;
  std::vector<Field> fields;
};

/// The sections, bound to `s`, in the order of the reference. The options' `fallback` is what `s` holds now:
/// the default where `s` is fresh. Adds to s.unlearning.methods what `methods` declare and `s` lacks.
std::vector<Section> sections(Scenario& s, const std::vector<PluginSection>& methods);

/// The fields of one element of an array of tables.
std::vector<Field> fields_of(Erasure& e);
std::vector<Field> fields_of(ComputeOverride& o);
std::vector<Field> fields_of(NetworkOverride& o);

/// The current value of a single-valued slot (not of a distribution or a list).
Value get(const Field& f);
/// `v` holds the alternative of the option's fallback, and one of its choices.
void set(const Field& f, const Value& v);
/// Whether the slot holds one value: no distribution, no list.
bool is_single(const Field& f);
/// The value of the section's `variant`; empty: it has none.
std::string variant_of(const Section& section);
/// Whether it is a retired switch (Option::retired) that says no more than the section's `variant`.
bool told_by_variant(const Section& section, const Field& f);

}  // namespace afu::config
