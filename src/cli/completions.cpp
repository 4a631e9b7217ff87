/// afu completions: scripts by which a shell completes verbs, options and their choices. What takes any value is left to
/// the shell, which completes files.
#include <algorithm>
#include <memory>

#include "cli/declared.hpp"
#include "cli/terminal.hpp"
#include "cli/verb.hpp"

namespace afu::cli {
namespace {

using All = std::vector<Declared>;
using CLI::detail::join;

/// `text` with a backslash before each of `special`.
std::string escaped(const std::string& text, const std::string& special) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string::npos) out += '\\';
    out += c;
  }
  return out;
}

/// As the word of a POSIX shell.
std::string in_quotes(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// What may stand at any place of the command: verbs, options, the choices of arguments.
std::vector<std::string> words_of(const Declared& d) {
  auto words = d.verbs;
  for (const auto& o : d.options) {
    const auto& more = o.names.empty() ? o.choices : o.names;
    words.insert(words.end(), more.begin(), more.end());
  }
  return words;
}

std::string bash(const All& all) {
  std::string verbs, after_option, words;
  for (const auto& d : all) {
    const auto path = d.path.empty() ? "" : " " + d.words();
    if (!d.path.empty()) verbs += (verbs.empty() ? "" : " | ") + in_quotes(path);
    words += fmt::format("        {}) words={} ;;\n", in_quotes(path), in_quotes(join(words_of(d), " ")));
    for (const auto& o : d.options) {
      if (o.value.empty() || o.names.empty()) continue;
      std::string spellings;
      for (const auto& name : o.names)
        spellings += (spellings.empty() ? "" : " | ") + in_quotes(path + " " + name);
      after_option += fmt::format("    {}) {} ;;\n", spellings,
                                  o.choices.empty() ? "return" : "words=" + in_quotes(join(o.choices, " ")));
    }
  }
  return fmt::format(R"(# bash completion of afu, written by: afu completions bash
_afu() {{
  local path='' words='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path ${{COMP_WORDS[i]}}" in
      {}) path+=" ${{COMP_WORDS[i]}}" ;;
    esac
  done
  case "$path ${{COMP_WORDS[COMP_CWORD - 1]}}" in
{}    *)
      case "$path" in
{}      esac
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}")
}}
complete -o default -F _afu afu
)",
                     verbs, after_option, words);
}

/// One argument of zsh's _arguments for each spelling: '*--set[Override a key]:TEXT:_files'.
std::string zsh_specs(const DeclaredOption& o) {
  const auto help = escaped(o.help, "[]\\:");
  const auto action = o.choices.empty() ? std::string("_files") : "(" + join(o.choices, " ") + ")";
  if (o.names.empty()) {
    const auto place = o.repeated ? "*" : o.required ? "" : ":";
    return "    " + in_quotes(fmt::format("{}:{}:{}", place, o.place, action)) + " \\\n";
  }
  std::string specs;
  for (const auto& name : o.names) {
    auto spec = (o.repeated ? "*" : "(" + join(o.names, " ") + ")") + name + "[" + help + "]";
    if (!o.value.empty()) spec += ":" + escaped(o.value, "[]\\:") + ":" + action;
    specs += "    " + in_quotes(spec) + " \\\n";
  }
  return specs;
}

std::string zsh(const All& all) {
  std::string out = "#compdef afu\n# zsh completion of afu, written by: afu completions zsh\n";
  for (const auto& d : all) {
    std::string specs, cases, verbs;
    for (const auto& o : d.options) specs += zsh_specs(o);
    for (const auto& below : all)
      if (below.path.size() == d.path.size() + 1 &&
          std::equal(d.path.begin(), d.path.end(), below.path.begin())) {
        verbs += "    " + in_quotes(escaped(below.path.back(), ":\\") + ":" + below.help) + "\n";
        cases += fmt::format("    {}) _afu_{} ;;\n", below.path.back(), join(below.path, "_"));
      }
    out += fmt::format("\n_afu{}() {{\n", d.path.empty() ? "" : "_" + join(d.path, "_"));
    if (d.verbs.empty()) {
      out += "  _arguments \\\n" + specs.substr(0, specs.size() - 3) + "\n}\n";
      continue;
    }
    out += "  local -a line verbs\n  local state\n  verbs=(\n" + verbs + "  )\n  _arguments -C \\\n" + specs +
           "    '1:verb:->verb' '*::argument:->below' && return\n"
           "  case $state in\n"
           "    verb) _describe verb verbs ;;\n"
           "    below)\n"
           "      case $line[1] in\n" +
           cases + "      esac ;;\n  esac\n}\n";
  }
  return out + "\ncompdef _afu afu\n";
}

/// Where the command so far is of these verbs and of none below.
std::string fish_condition(const Declared& d) {
  std::string condition = d.path.empty() ? "__fish_use_subcommand" : "";
  for (const auto& word : d.path)
    condition += (condition.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
  if (!d.path.empty() && !d.verbs.empty())
    condition += "; and not __fish_seen_subcommand_from " + join(d.verbs, " ");
  return condition;
}

std::string fish(const All& all) {
  const auto text = [](const std::string& words) { return "'" + escaped(words, "'\\") + "'"; };
  std::string out = "# fish completion of afu, written by: afu completions fish\n";
  for (const auto& d : all) {
    const auto begin = "complete -c afu -n " + text(fish_condition(d));
    for (const auto& below : all)
      if (below.path.size() == d.path.size() + 1 &&
          std::equal(d.path.begin(), d.path.end(), below.path.begin()))
        out += fmt::format("{} -f -a {} -d {}\n", begin, below.path.back(), text(below.help));
    for (const auto& o : d.options) {
      auto line = begin;
      for (const auto& name : o.names)
        line += (name[1] == '-' ? " -l " + name.substr(2) : " -s " + name.substr(1));
      if (!o.names.empty() && !o.value.empty()) line += " -r";
      if (!o.choices.empty()) line += " -f -a " + text(join(o.choices, " "));
      if (o.names.empty() && o.choices.empty()) continue;  // a file, as everywhere
      out += line + " -d " + text(o.help) + "\n";
    }
  }
  return out;
}

}  // namespace

std::function<int()> declare_completions(CLI::App& app) {
  auto shell = std::make_shared<std::string>();
  app.add_option("shell", *shell, "Whose script to print")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  return [&app, shell] {
    const auto all = declared(*app.get_parent());
    print("{}", *shell == "bash" ? bash(all) : *shell == "zsh" ? zsh(all) : fish(all));
    return 0;
  };
}

}  // namespace afu::cli
