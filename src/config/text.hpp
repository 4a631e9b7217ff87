#pragma once
/// How values, ranges and names are written: the same in messages, in the reference and in resolved
/// scenarios.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/option.hpp"

namespace afu::config {

/// The shortest TOML float that reads back as the same number: 3.0, 1e-05, inf.
std::string number_text(double v);

/// `text` for a terminal, whatever it comes from (a file's class names, a study's help, a message that quotes
/// input): control characters but line ends and tabs, characters that change the direction of writing and
/// bytes that are no UTF-8 are written as \x1b, \u202e. With `one_line`, line ends and tabs too.
std::string printable(const std::string& text, bool one_line = false);

/// Where `text` stops being UTF-8, as TOML has it (no surrogates, nothing overlong); npos: it does not.
std::size_t not_utf8_at(const std::string& text);

/// Whether `name`, of a run, a study or an arm, can be a folder's and an argument of a command: letters,
/// digits, '-', '_' and '.', and neither '.' nor '-' first.
bool is_folder_name(const std::string& name);
/// What of is_folder_name is said where it does not hold: "\"-rf\" is no folder's name, allowed are ...".
std::string no_folder_name(const std::string& name);

/// "3/12": client 3, its job 12. Nothing for any other text.
std::optional<std::pair<std::uint32_t, std::uint64_t>> job_named(const std::string& text);

/// A TOML basic string with its quotes.
std::string quoted(const std::string& text);

/// A TOML value.
std::string value_text(const Value& v);

/// `(0, 1]`, of numbers of the option's type.
std::string range_text(const Option& o);

/// What the option accepts: "a number in (0, 1]", "true or false", `"a", "b"`, ...
std::string allowed_text(const Option& o);

/// `"a", "b", "c"`
std::string quoted_list(const std::vector<std::string>& names);

/// What follows "is unknown, ": `did you mean "fedquit"?` where one of `candidates` is near, else `allowed are "a", "b"`.
std::string meant_or_allowed(const std::string& name, const std::vector<std::string>& candidates);
/// The same of keys, which stand without quotation marks.
std::string meant_or_allowed_key(const std::string& name, const std::vector<std::string>& candidates);

/// The candidate nearest to `name` (Damerau-Levenshtein distance, a third of its length at most, case
/// ignored); empty where none is near.
std::string nearest(const std::string& name, const std::vector<std::string>& candidates);

}  // namespace afu::config
