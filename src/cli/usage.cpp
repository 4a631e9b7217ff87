#include "cli/usage.hpp"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "config/text.hpp"

namespace afu::cli {
namespace {

using Words = std::vector<std::string>;

std::vector<const CLI::App*> verbs_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

/// The verb that was asked for, or the first on the way to it that words were left over for.
struct Asked {
  const CLI::App* app;
  std::string words;      ///< "afu bench train"
  Words options, others;  ///< left over
  bool option_first = false;
};

Asked asked_of(const CLI::App& program) {
  Asked asked{&program, "afu", {}, {}, false};
  for (;;) {
    for (const auto& word : asked.app->remaining()) {
      const bool option = word.size() > 1 && word[0] == '-';
      if (asked.options.empty() && asked.others.empty()) asked.option_first = option;
      (option ? asked.options : asked.others).push_back(option ? word.substr(0, word.find('=')) : word);
    }
    const auto further = asked.app->get_subcommands();
    if (further.empty() || !asked.options.empty() || !asked.others.empty()) return asked;
    asked.app = further.front();
    asked.words += " " + asked.app->get_name();
  }
}

std::string unknown_options(const Asked& asked) {
  Words known;
  for (const auto* o : asked.app->get_options())
    for (const auto& name : o->get_lnames()) known.push_back(name);
  const auto nearest =
      asked.options.size() > 1
          ? ""
          : config::nearest(asked.options.front().substr(asked.options.front().find_first_not_of('-')),
                            known);
  return fmt::format("unknown option{} {}{}", asked.options.size() > 1 ? "s" : "",
                     fmt::join(asked.options, ", "),
                     nearest.empty() ? "" : ", did you mean --" + nearest + "?");
}

/// CLI11 lists the choices of an option in braces: "--model: cnnn not in {cnn,lenet}".
std::string in_our_words(const std::string& what) {
  constexpr std::string_view middle = " not in {";
  const auto colon = what.find(": "), at = what.find(middle);
  if (colon == what.npos || at == what.npos || colon > at || what.back() != '}') return what;
  const auto given = what.substr(colon + 2, at - colon - 2);
  const auto list = what.substr(at + middle.size(), what.size() - at - middle.size() - 1);
  return what.substr(0, colon + 2) + config::quoted(given) + " is unknown, " +
         config::meant_or_allowed(given, CLI::detail::split(list, ','));
}

}  // namespace

void call_verbs(CLI::App& program) {
  program.get_formatter()->label("SUBCOMMAND", "VERB");
  for (auto* verb : program.get_subcommands([](const CLI::App*) { return true; })) {
    verb->group("Verbs");
    call_verbs(*verb);
  }
}

std::string usage_fault(const CLI::App& program, const CLI::ParseError& fault) {
  const auto asked = asked_of(program);
  Words names;
  std::string line;
  for (const auto* verb : verbs_of(*asked.app)) names.push_back(verb->get_name());
  if (!names.empty() && !asked.others.empty() && !asked.option_first) {
    const auto& given = asked.others.front();
    const auto near = config::nearest(given, names);
    line = fmt::format("unknown verb {}{}", config::quoted(given),
                       near.empty() ? "" : ", did you mean " + near + "?");
  } else if (!asked.options.empty()) {
    line = unknown_options(asked);
  } else if (!names.empty()) {
    line = "a verb is missing";
  } else if (!asked.others.empty()) {
    line = fmt::format("nothing takes {}", fmt::join(asked.others, " "));
  } else {
    line = in_our_words(fault.what());
  }
  const auto verbs = names.empty() ? "" : fmt::format("verbs: {}\n", fmt::join(names, ", "));
  return fmt::format("{0}: {1}\n{2}{0} --help tells more\n", asked.words, line, verbs);
}

}  // namespace afu::cli
