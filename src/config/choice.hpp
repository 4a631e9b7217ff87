#pragma once
/// Keys whose value is one of a few words: an enum, whose enumerators are these words.
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// Declares an enum class and what its values are called in a scenario, from one list. A word that C++ keeps for
/// itself ends in an underscore here and without one there: `auto_` is "auto".
#define AFU_CHOICE(Name, ...)                                        \
  enum class Name { __VA_ARGS__ };                                   \
  constexpr std::string_view words_of(Name) { return #__VA_ARGS__; } \
  constexpr Name last_of(Name name) { return static_cast<Name>(::afu::config::commas_in(words_of(name))); }

namespace afu::config {

constexpr int commas_in(std::string_view words) {
  int count = 0;
  for (const char c : words) count += c == ',';
  return count;
}

/// The words, in the order of the enumerators.
template <class Enum>
std::vector<std::string> names() {
  std::vector<std::string> all;
  std::string_view rest = words_of(Enum{});
  while (!rest.empty()) {
    const auto end = rest.find(',');
    auto word = rest.substr(0, end);
    while (word.front() == ' ') word.remove_prefix(1);
    if (word.back() == '_') word.remove_suffix(1);
    all.emplace_back(word);
    rest = end == rest.npos ? std::string_view{} : rest.substr(end + 1);
  }
  return all;
}

template <class Enum>
std::string name_of(Enum value) {
  return names<Enum>().at(static_cast<std::size_t>(value));
}

/// "name".
template <class Enum, std::enable_if_t<std::is_enum_v<Enum>, int> = 0>
std::string quoted(Enum value) {
  return '"' + name_of(value) + '"';
}

template <class Enum>
std::optional<Enum> find(std::string_view name) {
  const auto all = names<Enum>();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i] == name) return static_cast<Enum>(i);
  return std::nullopt;
}

/// The value called `name`. Throws std::invalid_argument, which names `what` and all that is allowed.
template <class Enum>
Enum named(std::string_view name, const std::string& what) {
  if (const auto found = find<Enum>(name)) return *found;
  std::string allowed;
  for (const auto& n : names<Enum>()) allowed += (allowed.empty() ? "" : ", ") + n;
  throw std::invalid_argument(what + " is \"" + std::string(name) + "\", allowed: " + allowed);
}

}  // namespace afu::config
