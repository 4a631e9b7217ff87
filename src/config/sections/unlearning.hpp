#pragma once
/// [[erasure]] and [unlearning].
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/choices.hpp"
#include "config/option.hpp"

namespace afu::config {

struct Erasure {
  /// Who asks; none where the scope is "class", and everybody who has some of the samples where these are named.
  std::int64_t client = -1;
  std::int64_t at_update = -1;  ///< exactly one of the three is set (not negative)
  std::int64_t at_round = -1;   ///< fedavg
  double at_seconds = -1;
  Scope scope = Scope::client;
  double fraction = 0.5;                ///< of the client's training samples (scope = samples)
  std::int64_t label = -1;              ///< `class` in TOML: which class all clients forget (scope = class)
  std::vector<std::string> subjects{};  ///< `subject` in TOML (scope = subject)
  std::string file{};                   ///< ids of samples, instead of a fraction (scope = samples)
  /// Rows of the source's training split that `subjects` or `file` names; nobody gives them (data::name_requests).
  std::vector<std::int64_t> rows{};

  /// Whether single samples are named, by their subjects or in a file.
  bool named() const { return scope == Scope::subject || (scope == Scope::samples && !file.empty()); }
};

struct UnlearningSection {
  std::string method = "afu_ic";
  CoordinationAsked coordination = CoordinationAsked::default_;
  LatePolicy late = LatePolicy::rebase;
  double history_budget_mb = 4096;  ///< most the server may keep for the method
  /// [unlearning.<method>], one for every registered method, complete with defaults.
  std::map<std::string, Values> methods;
};

}  // namespace afu::config
