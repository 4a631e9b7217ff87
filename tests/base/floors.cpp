/// The floors of src/README.md: a file includes its own folder and those below it.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

using Files = std::map<std::string, std::string>;  ///< text by path within src/, of actors from the root

/// Lowest first, as the page's table has them.
std::vector<std::string> floors_of(const std::string& page) {
  static const std::regex row("\\| `([a-z]+)/` \\|[^\n]*");
  std::vector<std::string> floors;
  for (auto i = std::sregex_iterator(page.begin(), page.end(), row); i != std::sregex_iterator(); ++i)
    floors.push_back((*i)[1]);
  return floors;
}

std::string folder_of(const std::string& path) { return path.substr(0, path.find('/')); }

/// "base/csv.cpp includes lane/engine.hpp", of each arrow that runs up, and of each that leads to no floor.
std::vector<std::string> arrows_up(const Files& files, const std::vector<std::string>& floors) {
  static const std::regex include("#include \"([^\"]+)\"");
  const auto height = [&](const std::string& path) {
    return std::find(floors.begin(), floors.end(), folder_of(path)) - floors.begin();
  };
  const auto none = static_cast<std::ptrdiff_t>(floors.size());
  std::vector<std::string> wrong;
  for (const auto& [path, text] : files) {
    if (height(path) == none) wrong.push_back(path + " is on no floor");
    for (auto i = std::sregex_iterator(text.begin(), text.end(), include); i != std::sregex_iterator(); ++i) {
      const std::string to = (*i)[1];
      if (to.find('/') == std::string::npos) continue;  // a generated header
      if (height(to) == none || height(to) > height(path)) wrong.push_back(path + " includes " + to);
    }
  }
  return wrong;
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

const fs::path root = AFU_SOURCE_DIR;

}  // namespace

TEST_CASE("no include runs from a floor to one above it, the actors among them") {
  const auto floors = floors_of(text_of(root / "src/README.md"));
  CHECK(floors.size() > 15);
  Files files;
  for (const auto& from : {root / "src", root / "actors"})
    for (const auto& e : fs::recursive_directory_iterator(from)) {
      const auto extension = e.path().extension();
      if (extension != ".hpp" && extension != ".cpp" && extension != ".cu") continue;
      const auto base = from.filename() == "src" ? from : root;
      files[fs::relative(e.path(), base).generic_string()] = text_of(e.path());
    }
  CHECK(files.size() > 200);
  for (const auto& arrow : arrows_up(files, floors)) FAIL_CHECK(arrow);
}

TEST_CASE("a planted include that runs up is found") {
  const std::vector<std::string> floors{"base", "config", "lane"};
  CHECK(arrows_up({{"lane/a.cpp", "#include \"lane/a.hpp\"\n#include \"base/b.hpp\"\n#include <vector>\n"}},
                  floors)
            .empty());
  CHECK(arrows_up({{"base/a.cpp", "#include \"config/option.hpp\"\n"}}, floors) ==
        std::vector<std::string>{"base/a.cpp includes config/option.hpp"});
  CHECK(arrows_up({{"lane/a.cpp", "#include \"attic/b.hpp\"\n"}}, floors) ==
        std::vector<std::string>{"lane/a.cpp includes attic/b.hpp"});
  CHECK(arrows_up({{"attic/a.cpp", ""}}, floors) == std::vector<std::string>{"attic/a.cpp is on no floor"});
  CHECK(floors_of("| `base/` | streams |\n| `config/` | keys |\n| x | y |\n") ==
        std::vector<std::string>{"base", "config"});
}
