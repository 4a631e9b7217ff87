#pragma once
/// One declaration an option: name, type, range, default, unit and help in one place. The parser, the
/// reference file and the error texts all come from it.
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace afu::config {

using Value = std::variant<bool, std::int64_t, double, std::string>;

/// An option of a section. Numbers carry a closed range unless `exclusive_min`; strings may carry `choices`.
struct Option {
  std::string name;
  Value fallback;  ///< the default; its alternative is the option's type
  std::string help;
  std::string unit;  ///< empty where the value has none
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool exclusive_min = false;
  std::vector<std::string> choices;  ///< empty: any string
  /// Of a section that has an option `variant`: the defaults that go with its values, where they are not `fallback`.
  std::map<std::string, Value> by_variant{};
  /// One of the switches that `variant` took the place of. It still works for a version, over the variant, is not listed
  /// in the reference, and who gives it is told.
  bool retired = false;

  Value default_in(const std::string& variant) const {
    const auto own = by_variant.find(variant);
    return own == by_variant.end() ? fallback : own->second;
  }
  Option&& in_variant(const std::string& variant, Value v) && {
    by_variant[variant] = std::move(v);
    return std::move(*this);
  }
  Option&& retire() && { return retired = true, std::move(*this); }
};

/// Checked values of a section whose options a plug-in declares (an unlearning method, say). Every declared
/// option is present: defaults are filled in by the parser.
class Values {
 public:
  Values() = default;
  /// The defaults of `options`.
  explicit Values(const std::vector<Option>& options) {
    for (const auto& o : options) values_[o.name] = o.fallback;
  }

  void set(const std::string& name, Value v) { values_[name] = std::move(v); }
  bool flag(const std::string& name) const { return get<bool>(name); }
  std::int64_t integer(const std::string& name) const { return get<std::int64_t>(name); }
  double real(const std::string& name) const { return get<double>(name); }
  const std::string& text(const std::string& name) const { return get<std::string>(name); }
  const std::map<std::string, Value>& all() const { return values_; }

 private:
  /// Throws std::logic_error for a name that was not declared or is of another type: a fault of ours, not of
  /// the user.
  template <class T>
  const T& get(const std::string& name) const {
    auto i = values_.find(name);
    if (i == values_.end()) throw std::logic_error("option '" + name + "' was never declared");
    if (auto* v = std::get_if<T>(&i->second)) return *v;
    throw std::logic_error("option '" + name + "' is declared with another type");
  }
  std::map<std::string, Value> values_;
};

struct Scenario;
/// Takes the key that is wrong and what is wrong with it ("... is ..., allowed is ...").
using Complain = std::function<void(const std::string& key, const std::string& text)>;

/// A section that a plug-in adds to the scenario: `[unlearning.<name>]`, for instance.
/// Defaults that a choice brings along: where the method is the one in use and its option `option` has another value than
/// `unless`, the keys of the scenario that are not given have these values in place of their own defaults.
struct Implied {
  std::string option, unless;
  std::vector<std::pair<std::string, Value>> keys;  ///< full names, `calibration.beta`
};

struct PluginSection {
  std::string name;
  std::string help;
  std::vector<Option> options;
  /// What an unlearning method supports; empty: anything.
  std::vector<std::string> coordinations{}, scopes{};
  /// Looks at what else the scenario says, once its single values are good.
  std::function<void(const Scenario&, const Complain&)> check{};
  std::vector<std::string> uses{};  ///< other sections by which it works too
  std::vector<Implied> implied{};
};

}  // namespace afu::config
