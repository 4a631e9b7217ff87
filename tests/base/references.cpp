/// Whoever follows a comment or a page to another page finds it, and the heading that it names.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

const fs::path root = AFU_SOURCE_DIR;

std::vector<fs::path> files_with(const std::vector<std::string>& extensions) {
  std::vector<fs::path> found;
  const auto take = [&](const fs::path& p) {
    if (std::find(extensions.begin(), extensions.end(), p.extension()) != extensions.end())
      found.push_back(fs::relative(p, root));
  };
  for (const auto& e : fs::directory_iterator(root))
    if (e.is_regular_file()) take(e.path());
  for (const char* folder : {"src", "actors", "tests", "configs", "tools", "cmake"})
    for (const auto& e : fs::recursive_directory_iterator(root / folder))
      if (e.is_regular_file()) take(e.path());
  return found;
}

std::string text_of(const fs::path& file) {
  std::ifstream in(root / file);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Without comment marks at the beginnings of lines, and with one blank for each run of them.
std::string flowing(const std::string& text) {
  std::string out;
  bool line_begins = true;
  for (char c : text) {
    if (line_begins && (c == '/' || c == '#' || c == '<')) continue;
    if (std::isspace(static_cast<unsigned char>(c))) {
      line_begins = line_begins || c == '\n';
      if (!out.empty() && out.back() != ' ') out += ' ';
      continue;
    }
    line_begins = false;
    if (c != '`' && c != '*') out += c;
  }
  return out;
}

std::vector<std::string> headings_of(const fs::path& page) {
  std::vector<std::string> headings;
  std::ifstream in(root / page);
  for (std::string line; std::getline(in, line);)
    if (!line.empty() && line.front() == '#') headings.push_back(flowing("\n" + line));
  return headings;
}

struct Reference {
  std::string page, heading;  ///< heading: empty where none is named
};

/// "src/sim/README.md, Links": pages by their path from the root, in running text.
std::vector<Reference> references_in(const std::string& text) {
  std::vector<Reference> all;
  const auto of_path = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '/';
  };
  const std::string name = "README.md";
  for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
    auto begin = at;
    while (begin > 0 && of_path(text[begin - 1])) --begin;
    Reference r{text.substr(begin, at - begin) + name, {}};
    constexpr std::array folders{"src/", "actors/", "tests/", "configs/", "tools/"};
    if (std::none_of(folders.begin(), folders.end(), [&](const char* f) { return r.page.rfind(f, 0) == 0; }))
      continue;
    const auto end = at + name.size();
    if (text.compare(end, 2, ", ") == 0)
      r.heading = text.substr(end + 2, text.find_first_of(").:;,|\"", end + 2) - end - 2);
    all.push_back(r);
  }
  return all;
}

/// `wanted` may be the beginning of a heading, or begin with one ("loss to class_thresholds").
bool has_heading(const std::vector<std::string>& headings, const std::string& wanted) {
  return std::any_of(headings.begin(), headings.end(), [&](const std::string& h) {
    return !h.empty() && (h.rfind(wanted, 0) == 0 || wanted.rfind(h, 0) == 0);
  });
}

}  // namespace

TEST_CASE("every page and heading that a comment, a scenario or a page names is there") {
  std::map<std::string, std::vector<std::string>> pages;
  for (const auto& page : files_with({".md"})) pages[page.generic_string()] = headings_of(page);
  int seen = 0;
  for (const auto& file : files_with({".hpp", ".cpp", ".cu", ".toml", ".py", ".md", ".cmake"}))
    for (const auto& r : references_in(flowing(text_of(file)))) {
      CAPTURE(file.generic_string());
      CAPTURE(r.page);
      CAPTURE(r.heading);
      const auto page = pages.find(r.page);
      CHECK(page != pages.end());
      if (page != pages.end() && !r.heading.empty()) CHECK(has_heading(page->second, r.heading));
      ++seen;
    }
  CHECK(seen > 100);
}

TEST_CASE("a reference is read across the lines of a comment, and a heading that is not there is missed") {
  const auto r =
      references_in(flowing("/// Kept (src/sim/README.md,\n  /// Random\n/// streams). See README.md.\n"));
  REQUIRE(r.size() == 1);
  CHECK(r[0].page == "src/sim/README.md");
  CHECK(r[0].heading == "Random streams");
  const auto headings = headings_of("src/sim/README.md");
  CHECK(has_heading(headings, "Random streams"));
  CHECK_FALSE(has_heading(headings, "Tides"));
}
