#pragma once
/// How a run and the nodes that compute for it reach each other.
#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "wire/token.hpp"

namespace afu::actors {

/// How often an end tells that it lives, and how long the other may be silent before it counts as gone.
struct Pulse {
  std::chrono::milliseconds beat{1000}, patience{5000};
  /// With five beats in that time.
  static Pulse of(std::chrono::milliseconds patience) { return {patience / 5, patience}; }
};

/// Why a node refuses a second run, as it tells that.
inline constexpr const char* works_for_another = "it works for another run";

/// The wait for a node was interrupted.
struct NotAwaited : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What a run asks for.
struct NodeOptions {
  std::vector<base::Address> nodes{};  ///< empty: the run computes by itself
  wire::Token token{};
  bool mixed_numerics = false;  ///< a node may compute where the same bytes are not promised
  bool local_lanes = true;      ///< false: what can be computed on a node is computed on nodes alone
  /// So long it is waited for a node that works for another run, before the run begins.
  std::chrono::seconds busy{10};
  bool await_gone = false;                       ///< likewise for one that cannot be reached
  const std::atomic<bool>* interrupt = nullptr;  ///< set: none is waited for any more before the run begins
  Pulse pulse{};
  std::function<void(const std::string&)>
      tell{};  ///< a line of what happens to nodes, at once; from several threads
};

}  // namespace afu::actors
