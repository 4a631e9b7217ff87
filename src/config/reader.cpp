#include "config/reader.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "config/distribution.hpp"
#include "config/scenario.hpp"
#include "config/text.hpp"

namespace afu::config {

namespace {

std::string join(const std::string& section, const std::string& name) {
  return section.empty() ? name : section + "." + name;
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& n : names) out += (out.empty() ? "" : ", ") + n;
  return out;
}

std::string wrong_type(const Node& node, const std::string& allowed) {
  return shown(node) + " is " + kind_of(node) + ", allowed is " + allowed;
}

/// The value as the option's type, or what is wrong with it.
std::optional<Value> checked(const Option& o, const Node& node, std::string& error) {
  Value v;
  if (std::holds_alternative<bool>(o.fallback) && std::holds_alternative<bool>(node.value)) {
    return std::get<bool>(node.value);
  } else if (std::holds_alternative<std::string>(o.fallback) &&
             std::holds_alternative<std::string>(node.value)) {
    const auto& text = std::get<std::string>(node.value);
    if (o.choices.empty() || std::count(o.choices.begin(), o.choices.end(), text)) return text;
    error = quoted(text) + " is unknown, " + meant_or_allowed(text, o.choices);
    return std::nullopt;
  } else if (std::holds_alternative<std::int64_t>(o.fallback) &&
             std::holds_alternative<std::int64_t>(node.value)) {
    v = std::get<std::int64_t>(node.value);
  } else if (std::holds_alternative<double>(o.fallback) && std::holds_alternative<double>(node.value)) {
    v = std::get<double>(node.value);
  } else if (std::holds_alternative<double>(o.fallback) && std::holds_alternative<std::int64_t>(node.value)) {
    v = static_cast<double>(std::get<std::int64_t>(node.value));
  } else {
    error = wrong_type(node, allowed_text(o));
    return std::nullopt;
  }
  auto* whole = std::get_if<std::int64_t>(&v);
  double number = whole ? static_cast<double>(*whole) : std::get<double>(v);
  if (!std::isfinite(number)) {
    error = shown(node) + " is not finite, allowed is " + allowed_text(o);
    return std::nullopt;
  }
  bool above_min = o.exclusive_min ? number > o.min : number >= o.min;
  if (above_min && number <= o.max) return v;
  error = shown(node) + " is outside " + range_text(o);
  return std::nullopt;
}

Option text_option(const std::string& name, const std::vector<std::string>& choices) {
  Option o;
  o.name = name;
  o.fallback = std::string{};
  o.choices = choices;
  return o;
}

class Reader {
 public:
  Reader(std::vector<Section> all, Errors& errors) : all_(std::move(all)), errors_(errors) {}

  void read(const Node& root) {
    for (const auto& section : all_) read_section(root, section);
    unknown_keys(root, "");
  }

 private:
  void read_section(const Node& root, const Section& section) {
    const Node* at = &root;
    for (std::size_t begin = 0; at && begin < section.path.size();) {
      auto end = std::min(section.path.find('.', begin), section.path.size());
      at = at->table() ? at->table()->find(section.path.substr(begin, end - begin)) : nullptr;
      begin = end + 1;
    }
    if (!at) return;
    if (auto* table = at->table()) {
      read_fields(*table, at->place, section.path, section.fields);
      follow_variant(*table, section);
    } else {
      errors_.add(at->place, section.path, wrong_type(*at, "a section, [" + section.path + "]"));
    }
  }

  void read_fields(const Table& table, const Place& place, const std::string& path,
                   const std::vector<Field>& fields) {
    for (const auto& f : fields) {
      const auto* node = table.find(f.option.name);
      if (node) {
        read_field(*node, join(path, f.option.name), f);
      } else if (f.required) {
        errors_.add(place, path, f.option.name + " is missing, allowed is " + allowed_text(f.option));
      }
    }
  }

  /// What is not given is what the section's variant says.
  static void follow_variant(const Table& given, const Section& section) {
    const auto variant = variant_of(section);
    for (const auto& f : section.fields)
      if (!f.option.by_variant.empty() && !given.find(f.option.name)) set(f, f.option.default_in(variant));
  }

  void read_field(const Node& node, const std::string& key, const Field& f) {
    if (auto* d = std::get_if<Distribution*>(&f.slot)) return read_distribution(node, key, f.option, **d);
    if (auto* n = std::get_if<Node*>(&f.slot)) {
      **n = node;
      return;
    }
    if (auto* l = std::get_if<std::vector<std::string>*>(&f.slot))
      return read_strings(node, key, f.option, **l);
    if (auto* l = std::get_if<std::vector<std::int64_t>*>(&f.slot))
      return read_numbers(node, key, f.option, **l);
    if (auto* a = std::get_if<std::vector<Erasure>*>(&f.slot)) return read_tables(node, key, **a);
    if (auto* a = std::get_if<std::vector<ComputeOverride>*>(&f.slot)) return read_tables(node, key, **a);
    if (auto* a = std::get_if<std::vector<NetworkOverride>*>(&f.slot)) return read_tables(node, key, **a);
    std::string error;
    if (auto v = checked(f.option, node, error)) {
      set(f, *v);
    } else {
      errors_.add(node.place, key, error);
    }
  }

  void read_strings(const Node& node, const std::string& key, const Option& o,
                    std::vector<std::string>& out) {
    std::vector<std::string> read;
    auto add = [&](const Node& item, const std::string& item_key) {
      if (auto* text = std::get_if<std::string>(&item.value)) {
        if (!o.choices.empty() && !std::count(o.choices.begin(), o.choices.end(), *text))
          errors_.add(item.place, item_key,
                      quoted(*text) + " is unknown, " + meant_or_allowed(*text, o.choices));
        read.push_back(*text);
      } else {
        errors_.add(item.place, item_key, wrong_type(item, "a string"));
      }
    };
    if (auto* array = node.array()) {
      for (std::size_t i = 0; i < array->items.size(); ++i)
        add(array->items[i], key + "[" + std::to_string(i) + "]");
    } else if (std::holds_alternative<std::string>(node.value)) {
      add(node, key);
    } else {
      return errors_.add(node.place, key, wrong_type(node, "a string or an array of strings"));
    }
    out = std::move(read);
  }

  void read_numbers(const Node& node, const std::string& key, const Option& o,
                    std::vector<std::int64_t>& out) {
    const auto* array = node.array();
    if (!array) return errors_.add(node.place, key, wrong_type(node, "an array of whole numbers"));
    std::vector<std::int64_t> read;
    for (std::size_t i = 0; i < array->items.size(); ++i) {
      std::string error;
      if (const auto v = checked(o, array->items[i], error))
        read.push_back(std::get<std::int64_t>(*v));
      else
        errors_.add(array->items[i].place, key + "[" + std::to_string(i) + "]", error);
    }
    out = std::move(read);
  }

  template <class T>
  void read_tables(const Node& node, const std::string& key, std::vector<T>& out) {
    auto* array = node.array();
    if (!array) return errors_.add(node.place, key, wrong_type(node, "an array of tables, [[" + key + "]]"));
    out.clear();
    for (std::size_t i = 0; i < array->items.size(); ++i) {
      const auto& item = array->items[i];
      auto item_key = key + "[" + std::to_string(i) + "]";
      T element;
      auto fields = fields_of(element);
      if (auto* table = item.table()) {
        read_fields(*table, item.place, item_key, fields);
        for (const auto& e : table->entries)
          if (!knows(fields, e.key))
            errors_.add(e.place, join(item_key, e.key), suggestion("", fields, e.key));
      } else {
        errors_.add(item.place, item_key, wrong_type(item, "a table"));
      }
      out.push_back(element);
    }
  }

  void read_distribution(const Node& node, const std::string& key, const Option& o, Distribution& out) {
    auto* table = node.table();
    std::string error;
    if (!table) {
      if (auto v = checked(o, node, error)) {
        out = {"constant", {{"value", std::get<double>(*v)}}, ""};
      } else {
        errors_.add(
            node.place, key,
            error +
                (error.find("allowed") == std::string::npos ? "" : R"(, or { distribution = "...", ... })"));
      }
      return;
    }
    auto kinds = distribution_kinds();
    auto* kind_node = table->find("distribution");
    if (!kind_node)
      return errors_.add(node.place, key, "distribution is missing, allowed are " + quoted_list(kinds));
    auto kind = checked(text_option("distribution", kinds), *kind_node, error);
    if (!kind) return errors_.add(kind_node->place, join(key, "distribution"), error);

    Distribution read{std::get<std::string>(*kind), {}, ""};
    auto options = distribution_parameters(read.kind);
    if (read.kind == "trace") options.push_back(text_option("path", {}));
    bool good = true;
    for (auto& option : options) {
      if (read.kind == "constant")
        option.min = o.min, option.max = o.max, option.exclusive_min = o.exclusive_min;
      auto* given = table->find(option.name);
      auto v = given ? checked(option, *given, error) : option.fallback;
      if (!v) {
        good = false;
        errors_.add(given->place, join(key, option.name), error);
      } else if (auto* path = std::get_if<std::string>(&*v)) {
        read.path = *path;
      } else {
        read.parameters[option.name] = std::get<double>(*v);
      }
    }
    for (const auto& e : table->entries) {
      auto same_name = [&e](const Option& option) { return option.name == e.key; };
      if (e.key == "distribution" || std::any_of(options.begin(), options.end(), same_name)) continue;
      good = false;
      std::vector<std::string> names;
      for (const auto& option : options) names.push_back(option.name);
      errors_.add(e.place, join(key, e.key),
                  "unknown parameter of " + quoted(read.kind) + ", " + meant_or_allowed_key(e.key, names));
    }
    if (!good) return;
    // What no single parameter shows: uniform's min above its max, say.
    error = distribution_error(read);
    if (error.empty()) {
      out = read;
    } else {
      errors_.add(node.place, key, error);
    }
  }

  static bool knows(const std::vector<Field>& fields, const std::string& name) {
    return std::any_of(fields.begin(), fields.end(), [&](const Field& f) { return f.option.name == name; });
  }

  /// Walks the tables that sections name and reports what no section declares.
  void unknown_keys(const Node& node, const std::string& path) {
    auto* table = node.table();
    if (!table) return;
    static const std::vector<Field> none;
    auto here = std::find_if(all_.begin(), all_.end(), [&](const Section& s) { return s.path == path; });
    const auto& fields = here == all_.end() ? none : here->fields;
    for (const auto& e : table->entries) {
      auto key = join(path, e.key);
      if (knows(fields, e.key)) continue;
      auto inside = [&](const Section& s) { return s.path == key || s.path.rfind(key + ".", 0) == 0; };
      if (std::any_of(all_.begin(), all_.end(), inside)) {
        unknown_keys(e.node, key);
      } else if (e.node.table() && !e.node.table()->is_inline) {
        errors_.add(e.place, key, unknown_section(path, e.key));
      } else {
        errors_.add(e.place, key, suggestion(path, fields, e.key));
      }
    }
  }

  std::string unknown_section(const std::string& parent, const std::string& name) const {
    auto siblings = sections_in(parent);
    auto near = nearest(name, siblings);
    if (!near.empty()) return "unknown section, did you mean " + join(parent, near) + "?";
    if (siblings.empty()) return "unknown section, " + parent + " has none";
    return "unknown section, allowed are " + listed(siblings);
  }

  /// The names of the sections right below `parent`.
  std::vector<std::string> sections_in(const std::string& parent) const {
    std::vector<std::string> siblings;
    for (const auto& s : all_) {
      if (parent.empty() ? s.path.empty() : s.path.rfind(parent + ".", 0) != 0) continue;
      auto rest = parent.empty() ? s.path : s.path.substr(parent.size() + 1);
      rest = rest.substr(0, rest.find('.'));
      if (std::find(siblings.begin(), siblings.end(), rest) == siblings.end()) siblings.push_back(rest);
    }
    for (const auto& s : all_)  // arrays of tables stand at the top level
      if (parent.empty() && s.path.empty())
        for (const auto& f : s.fields) siblings.push_back(f.option.name);
    return siblings;
  }

  /// What to say about a key that `fields`, of section `path`, do not have.
  std::string suggestion(const std::string& path, const std::vector<Field>& fields,
                         const std::string& name) const {
    auto is_alias = [&name](const Field& f) {
      return std::find(f.aliases.begin(), f.aliases.end(), name) != f.aliases.end();
    };
    std::string meant;
    std::vector<std::string> names;
    for (const auto& f : fields) {
      if (!f.option.retired) names.push_back(f.option.name);
      if (is_alias(f)) meant = f.option.name;
    }
    if (meant.empty()) meant = nearest(name, names);
    for (const auto& s : all_) {  // the right key in the wrong section
      for (const auto& f : s.fields)
        if (meant.empty() && s.path != path && f.option.name == name) meant = join(s.path, f.option.name);
    }
    for (const auto& s : all_) {
      for (const auto& f : s.fields)
        if (meant.empty() && s.path != path && is_alias(f)) meant = join(s.path, f.option.name);
    }
    if (!meant.empty()) return "unknown key, did you mean " + meant + "?";
    const auto is_top = [&](const Section& section) {
      return section.path.empty() && &section.fields == &fields;
    };
    if (fields.empty() || std::any_of(all_.begin(), all_.end(), is_top))
      return "unknown key, allowed are the sections " + listed(sections_in(path));
    return "unknown key, allowed are " + listed(names);
  }

  std::vector<Section> all_;
  Errors& errors_;
};

}  // namespace

void read_sections(const Node& root, std::vector<Section> all, Errors& errors) {
  Reader{std::move(all), errors}.read(root);
}

void read_scenario(const Node& root, const std::vector<PluginSection>& methods, Scenario& s, Errors& errors) {
  read_sections(root, sections(s, methods), errors);
}

}  // namespace afu::config
