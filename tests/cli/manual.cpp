/// The manual's page and the completions say what the help says.
#include <regex>
#include <set>
#include <utility>
#include <vector>

#include "support.hpp"

using namespace afu::test;

namespace {

struct Listed {
  std::string path;  ///< "bench train"
  std::set<std::string> options;
};

std::set<std::string> found(const std::string& text, const char* pattern) {
  const std::regex r(pattern, std::regex::multiline);
  std::set<std::string> all;
  for (auto i = std::sregex_iterator(text.begin(), text.end(), r); i != std::sregex_iterator(); ++i)
    all.insert((*i)[1]);
  return all;
}

/// Every verb with its options, as its help lists them, and those of the verbs below it.
void listed(const Folder& f, const std::string& path, std::vector<Listed>& all) {
  const auto help = afu_command(f, path + " --help");
  REQUIRE(help.status == 0);
  const auto options_end = help.out.find("\nVerbs:");
  const auto options = help.out.substr(0, options_end);
  auto names = found(options, "^  (?:-\\w,)?(--[\\w-]+)");
  names.merge(found(options, "^  (-\\w)\\b"));
  all.push_back({path, names});
  if (options_end == std::string::npos) return;
  for (const auto& verb : found(help.out.substr(options_end), "^  ([\\w-]+)"))
    listed(f, path.empty() ? verb : path + " " + verb, all);
}

std::vector<Listed> listed(const Folder& f) {
  std::vector<Listed> all;
  listed(f, "", all);
  return all;
}

/// `text` from `begin` up to `end`, or to its end.
std::string part(const std::string& text, const std::string& begin, const std::string& end) {
  const auto from = text.find(begin);
  if (from == std::string::npos) return {};
  return text.substr(from, text.find(end, from + begin.size()) - from);
}

std::string dashed(std::string name) {
  for (std::size_t i = 0; (i = name.find('-', i)) != std::string::npos; i += 2) name.insert(i, 1, '\\');
  return name;
}

int status_of(const std::string& command) { return WEXITSTATUS(std::system(command.c_str())); }

/// What bash offers after the words of a command, the last of which is being typed.
std::string offered(const Folder& f, const std::string& words) {
  const auto script = f.path / "complete.sh", out = f.path / "complete.out";
  std::ofstream(script) << "source " << (f.path / "afu.bash").string() << "\nCOMP_WORDS=(afu " << words
                        << ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_afu\necho \"${COMPREPLY[*]}\"\n";
  REQUIRE(status_of("bash " + script.string() + " > " + out.string()) == 0);
  return content(out);
}

}  // namespace

TEST_CASE("the manual's page has every verb and every option of the help") {
  const Folder f;
  const auto page = afu_command(f, "man").out;
  CHECK(page.find(".TH AFU 1 ") == 0);
  const auto all = listed(f);
  CHECK(all.size() >= 18);
  for (const auto& verb : all) {
    CAPTURE(verb.path);
    const auto text = verb.path.empty() ? part(page, ".SH OPTIONS", ".SH ")
                                        : part(page, ".SS afu " + verb.path + " ", "\n.S");
    CHECK_FALSE(text.empty());
    CHECK_FALSE(verb.options.empty());
    for (const auto& option : verb.options) {
      CAPTURE(option);
      CHECK(text.find("\\fB" + dashed(option) + "\\fR") != std::string::npos);
    }
  }
}

TEST_CASE("the manual's page is one that man can show") {
  const Folder f;
  const auto page = f.path / "afu.1", out = f.path / "shown", warnings = f.path / "warnings";
  std::ofstream(page) << afu_command(f, "man").out;
  if (status_of("command -v man > /dev/null") != 0) {
    MESSAGE("not shown: there is no man");
    return;
  }
  REQUIRE(status_of("MANWIDTH=100 man --warnings -l " + page.string() + " > " + out.string() + " 2> " +
                    warnings.string()) == 0);
  const auto shown = content(out);
  CHECK(content(warnings).empty());
  CHECK(shown.find("afu bench train") != std::string::npos);
  CHECK(shown.find("--rerun-changed") != std::string::npos);
}

TEST_CASE("the completions have every verb and every option of the help") {
  const Folder f;
  const auto all = listed(f);
  const auto in_bash = afu_command(f, "completions bash").out;
  const auto in_zsh = afu_command(f, "completions zsh").out;
  const auto in_fish = afu_command(f, "completions fish").out;
  for (const auto& verb : all) {
    CAPTURE(verb.path);
    const auto last = verb.path.substr(verb.path.rfind(' ') + 1);
    const auto path = verb.path.empty() ? "" : " " + verb.path;
    const auto words = part(in_bash, "        '" + path + "') words='", "' ;;") + " ";
    auto function = "_afu" + path;
    for (auto& c : function) c = c == ' ' ? '_' : c;
    const auto zsh = part(in_zsh, "\n" + function + "() {\n", "\n}\n");
    CHECK_FALSE(zsh.empty());
    if (!verb.path.empty()) CHECK(in_fish.find("-f -a " + last + " -d ") != std::string::npos);
    std::string fish;  // the lines of this verb
    std::istringstream lines(in_fish);
    const auto seen = verb.path.empty() ? "__fish_use_subcommand" : "__fish_seen_subcommand_from " + last;
    for (std::string line; std::getline(lines, line);)
      if (line.find(seen + "'") != std::string::npos || line.find(seen + "; and not") != std::string::npos)
        fish += line + "\n";
    for (const auto& option : verb.options) {
      CAPTURE(option);
      CHECK(std::regex_search(words, std::regex("[ ']" + option + "[ ']")));
      CHECK(zsh.find(option + "[") != std::string::npos);
      const auto name = option[1] == '-' ? " -l " + option.substr(2) : " -s " + option.substr(1);
      CHECK(fish.find(name + " ") != std::string::npos);
    }
  }
}

TEST_CASE("each shell that is here accepts its completions") {
  const Folder f;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    CAPTURE(shell);
    const auto script = f.path / ("afu." + shell);
    std::ofstream(script) << afu_command(f, "completions " + shell).out;
    if (status_of("command -v " + shell + " > /dev/null") != 0) {
      MESSAGE("not parsed: there is no " << shell);
      continue;
    }
    CHECK(status_of(shell + " -n " + script.string()) == 0);
  }
  CHECK(afu_command(f, "completions tcsh").status == 2);
  CHECK(afu_command(f, "completions").status == 2);
}

TEST_CASE("bash completes verbs, options and choices, and leaves files to the shell") {
  const Folder f;
  std::ofstream(f.path / "afu.bash") << afu_command(f, "completions bash").out;
  CHECK(offered(f, "stu") == "study\n");
  CHECK(offered(f, "--ver") == "--version\n");
  CHECK(offered(f, "study --pl") == "--plan\n");
  CHECK(offered(f, "bench tr") == "train\n");
  CHECK(offered(f, "bench train --engines fu") == "fused\n");
  CHECK(offered(f, "bench train --model lenet --repe") == "--repetitions\n");
  CHECK(offered(f, "completions ba") == "bash\n");
  CHECK(offered(f, "run --output ''") == "\n");
  CHECK(offered(f, "run study --for") == "--force\n");  // a scenario of that name is no verb
}

TEST_CASE("the version is told with the revision") {
  const Folder f;
  const auto version = afu_command(f, "--version");
  CHECK(version.status == 0);
  CHECK(std::regex_match(version.out, std::regex("afu \\d+\\.\\d+\\.\\d+ \\([\\w.-]+\\)\n")));
}
