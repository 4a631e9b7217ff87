#include "config/writer.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <type_traits>

#include "base/input_error.hpp"
#include "config/common_keys.hpp"
#include "config/distribution.hpp"
#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "config/schema.hpp"
#include "config/text.hpp"

namespace afu::config {

namespace {

constexpr std::size_t width = 116;

/// `text` in lines that begin with `start`.
std::string comment(const std::string& text, const std::string& start = "# ") {
  std::string out, line;
  auto flush = [&] {
    if (!line.empty()) out += start + line + "\n";
    line.clear();
  };
  for (std::size_t begin = 0; begin < text.size();) {
    auto end = std::min(text.find(' ', begin), text.size());
    auto word = text.substr(begin, end - begin);
    if (!line.empty() && start.size() + line.size() + 1 + word.size() > width) flush();
    line += (line.empty() ? "" : " ") + word;
    begin = end + 1;
  }
  flush();
  return out;
}

std::string bare_or_quoted(const std::string& key) {
  for (char c : key)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') return quoted(key);
  return key.empty() ? quoted(key) : key;
}

std::string distribution_text(const Distribution& d) {
  if (d.kind == "constant") return number_text(d.parameters.at("value"));
  std::string out = "{ distribution = " + quoted(d.kind);
  for (const auto& o : distribution_parameters(d.kind))
    out += ", " + bare_or_quoted(o.name) + " = " + number_text(d.parameters.at(o.name));
  if (d.kind == "trace") out += ", path = " + quoted(d.path);
  return out + " }";
}

/// The value of a slot that stands on one line; empty for an array of tables.
std::string slot_text(const Field& f) {
  if (auto* d = std::get_if<Distribution*>(&f.slot)) return distribution_text(**d);
  if (auto* l = std::get_if<std::vector<std::string>*>(&f.slot)) return "[" + quoted_list(**l) + "]";
  if (auto* l = std::get_if<std::vector<std::int64_t>*>(&f.slot)) {
    std::string list;
    for (const auto n : **l) list += (list.empty() ? "" : ", ") + std::to_string(n);
    return "[" + list + "]";
  }
  return is_single(f) ? value_text(get(f)) : "";
}

bool is_unset(const Field& f) {
  if (!f.may_be_unset) return false;
  if (const auto* list = std::get_if<std::vector<std::string>*>(&f.slot)) return (*list)->empty();
  auto v = get(f);
  if (const auto* text = std::get_if<std::string>(&v)) return text->empty();
  auto* whole = std::get_if<std::int64_t>(&v);
  return whole ? *whole < 0 : std::get<double>(v) < 0;
}

/// Calls `visit` with the vector of tables of `f`, if it is one.
template <class Visit>
void visit_tables(const Field& f, Visit visit) {
  if (auto* a = std::get_if<std::vector<Erasure>*>(&f.slot)) visit(**a);
  if (auto* a = std::get_if<std::vector<ComputeOverride>*>(&f.slot)) visit(**a);
  if (auto* a = std::get_if<std::vector<NetworkOverride>*>(&f.slot)) visit(**a);
}

std::string full_path(const Section& section, const Field& f) {
  return section.path.empty() ? f.option.name : section.path + "." + f.option.name;
}

/// What is allowed, the unit and the default.
std::string facts(const Field& f) {
  std::string out = allowed_text(f.option);
  if (std::holds_alternative<Distribution*>(f.slot)) out += ", or a distribution";
  if (std::holds_alternative<std::vector<std::string>*>(f.slot)) out = "a string or an array of strings";
  if (std::holds_alternative<std::vector<std::int64_t>*>(f.slot)) out = "an array, each " + out;
  if (!f.option.choices.empty()) out = "one of " + out;
  if (!f.option.unit.empty()) out += "; " + f.option.unit;
  if (f.required) return out + "; required";
  if (f.may_be_unset) return out + "; not given by default";
  for (const auto& [variant, v] : f.option.by_variant)
    out += "; with variant = " + quoted(variant) + " " + value_text(v);
  out += "; default " + slot_text(f);
  return f.example.empty() ? out : out + "; here an example";
}

std::string reference_entry(const Field& f, const std::string& start) {
  auto value = f.example.empty() ? slot_text(f) : f.example;
  auto out = comment(f.option.help) + comment(facts(f));
  return "\n" + out + start + bare_or_quoted(f.option.name) + " = " + value + "\n";
}

/// The ten, a line each: a value as a file has it, and what it is.
std::string common_keys_help() {
  Scenario defaults;
  defaults.erasures.emplace_back();
  std::map<std::string, std::string> values;
  for (auto& [key, value] : key_values(defaults, {})) values[key] = value;
  std::size_t longest = 0;
  std::vector<std::string> lines;
  for (const auto& k : common_keys()) {
    const auto found = values.find(k.key);
    lines.push_back(std::string("#   ") + k.key + (found == values.end() ? "" : " = " + found->second));
    longest = std::max(longest, lines.back().size());
  }
  auto out = comment("The ten keys that people touch, with their defaults:");
  for (std::size_t i = 0; i < lines.size(); ++i)
    out += lines[i] + std::string(longest + 2 - lines[i].size(), ' ') + common_keys()[i].help + "\n";
  return out;
}

std::string distributions_help() {
  std::string out = comment("A distribution is a number, which is a constant, or one of:");
  for (const auto& kind : distribution_kinds()) {
    Distribution d{kind, {}, "speeds.csv"};
    std::string ranges;
    for (const auto& o : distribution_parameters(kind)) {
      d.parameters[o.name] = std::get<double>(o.fallback);
      ranges += (ranges.empty() ? "" : "; ") + o.name + " in " + range_text(o) + ": " + o.help;
    }
    auto text = kind == "constant" ? "{ distribution = \"constant\", value = 1.0 }" : distribution_text(d);
    out += "#   " + text + "\n" + comment(distribution_help(kind), "#       ");
    if (kind != "constant") out += comment(ranges, "#       ");
  }
  return out;
}

/// Calls `visit` with key and value of every path that `s` uses.
template <class Visit>
void visit_paths(Scenario& s, Visit visit) {
  const auto offer = [&](const std::string& key, std::string& path) {
    if (!path.empty()) visit(key, path);
  };
  if (s.data.source != DataSource::phantom) offer("data.path", s.data.path);
  if (is_files(s.data.source) && s.data.patients == PatientNames::hashed)
    offer("data.patient_salt_file", s.data.patient_salt_file);
  if (traits(s.model.name).imported) offer("model.path", s.model.path);
  offer("model.init", s.model.init);
  for (std::size_t i = 0; i < s.erasures.size(); ++i)
    if (s.erasures[i].scope == Scope::samples)
      offer("erasure[" + std::to_string(i) + "].file", s.erasures[i].file);
  if (s.heterogeneity.availability.model == AvailabilityModel::trace)
    offer("heterogeneity.availability.path", s.heterogeneity.availability.path);
  for (const auto& section : sections(s, {}))
    for (const auto& f : section.fields)
      if (auto* d = std::get_if<Distribution*>(&f.slot)) offer(full_path(section, f), (*d)->path);
}

}  // namespace

std::string to_toml(const Scenario& scenario, const std::vector<PluginSection>& methods) {
  Scenario s = scenario;
  std::string out = "# A resolved scenario: every default is spelled out.\n";
  for (const auto& section : sections(s, methods)) {
    std::string tables;
    if (!section.path.empty()) out += "\n[" + section.path + "]\n";
    for (const auto& f : section.fields) {
      auto text = told_by_variant(section, f) ? std::string() : slot_text(f);
      if (!text.empty()) out += bare_or_quoted(f.option.name) + " = " + text + "\n";
      visit_tables(f, [&](auto& elements) {
        for (auto& element : elements) {
          tables += "\n[[" + full_path(section, f) + "]]\n";
          for (const auto& e : fields_of(element))
            if (!is_unset(e)) tables += e.option.name + " = " + slot_text(e) + "\n";
        }
      });
    }
    out += tables;
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> key_values(const Scenario& scenario,
                                                            const std::vector<PluginSection>& methods) {
  Scenario s = scenario;
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& section : sections(s, methods))
    for (const auto& f : section.fields) {
      const auto key = full_path(section, f);
      if (auto text = slot_text(f); !text.empty() && !told_by_variant(section, f))
        out.emplace_back(key, std::move(text));
      visit_tables(f, [&](auto& elements) {
        for (std::size_t i = 0; i < elements.size(); ++i)
          for (const auto& e : fields_of(elements[i]))
            if (!is_unset(e))
              out.emplace_back(key + "[" + std::to_string(i) + "]." + e.option.name, slot_text(e));
      });
    }
  return out;
}

std::string reference_toml(const std::vector<PluginSection>& methods) {
  Scenario defaults;
  std::string out =
      common_keys_help() + "#\n" +
      comment(
          "Every key of a scenario, with its default. Written by `afu reference`: change the declarations in "
          "src/config/schema_*.cpp, not this file.") +
      "#\n" +
      comment(
          "A scenario names only what differs from the defaults. It may begin with `include = \"base.toml\"` "
          "(or an array of files, relative to the including file): tables are merged key by key and the "
          "including file wins; arrays and inline tables are replaced as a whole. `--set section.key=value` "
          "overrides a key on the command line; `erasure[0].client` is a key of the first [[erasure]].") +
      "#\n" + distributions_help();
  for (const auto& section : sections(defaults, methods)) {
    std::string tables;
    if (!section.path.empty()) out += "\n\n" + comment(section.help) + "[" + section.path + "]\n";
    for (const auto& f : section.fields) {
      if (f.option.retired) continue;
      bool is_tables = false;
      visit_tables(f, [&](auto& elements) {
        is_tables = true;
        typename std::decay_t<decltype(elements)>::value_type element;
        tables += "\n\n" + comment(f.option.help) + "#[[" + full_path(section, f) + "]]\n";
        for (const auto& e : fields_of(element)) tables += reference_entry(e, "#");
      });
      if (!is_tables) out += reference_entry(f, "");
    }
    out += tables;
  }
  return out;
}

Scenario with_absolute_paths(Scenario s) {
  const auto make_absolute = [&](const std::string& key, std::string& path) {
    try {
      path = std::filesystem::absolute(resolve_data_path(path, s.file)).lexically_normal().string();
    } catch (const std::runtime_error& e) {
      throw InputError(key + ": " + e.what());
    }
    if (not_utf8_at(path) != std::string::npos)
      throw InputError(
          key + ": '" + printable(path) +
          "' is no UTF-8, and the run's scenario.toml, which names it, must be: rename it, or the "
          "folder it lies in");
  };
  visit_paths(s, make_absolute);
  // No input of the run: nobody's digest of it is to be written.
  if (!s.compute.nodes.empty() && !s.compute.token_file.empty())
    make_absolute("compute.token_file", s.compute.token_file);
  return s;
}

std::vector<std::pair<std::string, std::string>> used_paths(const Scenario& scenario) {
  auto s = scenario;
  std::vector<std::pair<std::string, std::string>> out;
  visit_paths(s, [&](const std::string& key, std::string& path) { out.emplace_back(key, path); });
  return out;
}

}  // namespace afu::config
