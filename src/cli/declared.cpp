#include "cli/declared.hpp"

namespace afu::cli {
namespace {

/// Those of a CLI::IsMember, which stand in the type's name: "TEXT:{fp32,tf32}".
std::vector<std::string> choices_of(const std::string& type) {
  const auto from = type.find(":{");
  if (from == std::string::npos || type.back() != '}') return {};
  return CLI::detail::split(type.substr(from + 2, type.size() - from - 3), ',');
}

DeclaredOption option_of(const CLI::Option& o) {
  DeclaredOption out;
  for (const auto& name : o.get_snames()) out.names.push_back("-" + name);
  for (const auto& name : o.get_lnames()) out.names.push_back("--" + name);
  if (o.get_positional()) out.place = o.get_single_name();
  if (o.get_items_expected_max() > 0) out.value = o.get_type_name();
  out.choices = choices_of(out.value);
  if (!out.choices.empty()) out.value = out.value.substr(0, out.value.find(":{"));
  out.standard = o.get_default_str();
  out.help = o.get_description();
  out.required = o.get_required();
  out.repeated = o.get_expected_max() == CLI::detail::expected_max_vector_size;
  return out;
}

void add(std::vector<Declared>& all, const CLI::App& app, const std::vector<std::string>& path) {
  Declared d{path, app.get_description(), {}, {}};
  for (const auto* o : app.get_options()) d.options.push_back(option_of(*o));
  const auto below = app.get_subcommands([](const CLI::App*) { return true; });
  for (const auto* verb : below) d.verbs.push_back(verb->get_name());
  all.push_back(d);
  for (const auto* verb : below) {
    auto further = path;
    further.push_back(verb->get_name());
    add(all, *verb, further);
  }
}

}  // namespace

std::string Declared::words(const char* between) const {
  std::string text;
  for (const auto& word : path) text += (text.empty() ? "" : between) + word;
  return text;
}

std::vector<Declared> declared(const CLI::App& program) {
  std::vector<Declared> all;
  add(all, program, {});
  return all;
}

}  // namespace afu::cli
