#pragma once
/// The attacks that a scenario may name, in the order in which they are reported. No more than the names:
/// the configuration knows them before there is a tensor.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace afu::attack {

struct Known {
  const char* name;
  const char* help;
  bool by_default;  ///< cheap enough to always run
  bool references;  ///< needs reference models
  /// Samples of the forget set that it trains on, 0 for all; -1: it trains on none.
  std::int64_t relearns = -1;
  /// Why it does not serve images with any number of labels; null: it does.
  const char* one_class = nullptr;
};

inline constexpr Known known[] = {
    {"loss", "loss threshold", true, false},
    {"scrub", "a classifier of losses", true, false},
    {"confidence", "of the true class", true, false},
    {"entropy", "of the answer", true, false},
    {"modified_entropy", "that knows the true class", true, false},
    {"class_thresholds", "of these three, one a class", true, false, -1,
     "it has one threshold a class, and an image with any number of labels is of none"},
    {"backdoor", "its success, its lift over clean images, and that of a trigger never planted", true, false},
    {"lira", "likelihood ratio against reference models", false, true, -1,
     "its statistic is the logit of the probability of the one true class"},
    {"rmia", "relative likelihood against reference models", false, true, -1,
     "its ratio is of the probabilities of the one true class"},
    {"probe", "a linear classifier of triggers on the model's features", false, false},
    {"relearn", "batches of the forget set until it is known again, at the end only", false, false, 0},
    {"relearn_8", "the same, but all batches are of 8 of its samples", false, false, 8},
    {"relearn_32", "of 32", false, false, 32},
};

inline std::string described() {
  std::string all, usual;
  for (const auto& k : known) {
    all += std::string(k.name) + " (" + k.help + "), ";
    if (k.by_default) usual += (usual.empty() ? "" : ", ") + std::string(k.name);
  }
  return all + "default (" + usual + "; lira and rmia where there are reference models), all, or none alone";
}

inline std::vector<std::string> choices() {
  std::vector<std::string> all{"default", "all", "none"};
  for (const auto& k : known) all.emplace_back(k.name);
  return all;
}

inline bool is_choice(const std::string& name) {
  const auto all = choices();
  return std::count(all.begin(), all.end(), name) > 0;
}

inline bool needs_references(const std::string& name) {
  for (const auto& k : known)
    if (name == k.name) return k.references;
  return false;
}

/// What a list of choices stands for, in the order of `known`; `references`: there are reference models.
inline std::vector<std::string> selected(const std::vector<std::string>& wanted, bool references) {
  const auto asked = [&](const char* name) { return std::count(wanted.begin(), wanted.end(), name) > 0; };
  std::vector<std::string> names;
  for (const auto& k : known)
    if (k.references ? references && (asked("all") || asked("default") || asked(k.name))
                     : asked("all") || (k.by_default && asked("default")) || asked(k.name))
      names.emplace_back(k.name);
  return names;
}

}  // namespace afu::attack
