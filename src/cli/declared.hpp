#pragma once
/// What the verbs have declared, for the pages that are made from it: the manual, the shells' completions.
#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace afu::cli {

/// An option, or an argument without a name of its own.
struct DeclaredOption {
  std::vector<std::string> names;    ///< with their dashes, as "-o", "--output"; none: by its place
  std::string place;                 ///< of one without names, as "scenario"
  std::string value;                 ///< what it takes, as "TEXT" or "INT:POSITIVE"; empty: nothing
  std::vector<std::string> choices;  ///< all that it may be, where that is a list
  std::string standard;              ///< its default, where the help shows one
  std::string help;
  bool required = false, repeated = false;
};

struct Declared {
  std::vector<std::string> path;  ///< of verbs, as {"bench", "train"}; empty: the program
  std::string help;
  std::vector<DeclaredOption> options;
  std::vector<std::string> verbs;  ///< below this one

  std::string words(const char* between = " ") const;  ///< of the path
};

/// The program first, then each verb before those below it, in the order of the help.
std::vector<Declared> declared(const CLI::App& program);

}  // namespace afu::cli
