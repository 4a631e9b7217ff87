#pragma once
/// [[erasure]] and [unlearning].
#include <cstdint>
#include <map>
#include <string>

#include "config/choice.hpp"
#include "config/option.hpp"

namespace afu::config {

/// What is to be forgotten: a client with all it has, a part of its samples, or a class at all clients.
enum class Scope { client, samples, data_class };
constexpr std::string_view words_of(Scope) { return "client, samples, class"; }

struct Erasure {
  std::int64_t client = -1;     ///< who asks; none where the scope is "class"
  std::int64_t at_update = -1;  ///< exactly one of the three is set (not negative)
  std::int64_t at_round = -1;   ///< fedavg
  double at_seconds = -1;
  Scope scope = Scope::client;
  double fraction = 0.5;    ///< of the client's training samples (scope = samples)
  std::int64_t label = -1;  ///< `class` in TOML: which class all clients forget (scope = class)
};

/// The form of a method that is asked for; default_: its authors'.
AFU_CHOICE(CoordinationAsked, default_, concurrent, blocking)
/// What becomes of an update whose base still held the erased data (federate/late_updates.hpp).
AFU_CHOICE(LatePolicy, rebase, guard, drop, accept)

struct UnlearningSection {
  std::string method = "afu_ic";
  CoordinationAsked coordination = CoordinationAsked::default_;
  LatePolicy late = LatePolicy::rebase;
  double history_budget_mb = 4096;  ///< most the server may keep for the method
  /// [unlearning.<method>], one for every registered method, complete with defaults.
  std::map<std::string, Values> methods;
};

}  // namespace afu::config
