#pragma once
/// What a run and a node are told of each other on the command line.
#include <CLI/CLI.hpp>

#include <string>

#include "actors/node_options.hpp"

namespace afu::cli {

inline constexpr double default_patience = 5;  ///< seconds
void add_patience(CLI::App& app, double& seconds, const char* help);
actors::Pulse pulse_of(double patience);

/// --nodes, --only-nodes, --token-file, --mixed-numerics, --patience of what runs a scenario.
struct NodesAsked {
  std::string nodes, token_file;
  bool only_nodes = false, mixed_numerics = false;
  double patience = default_patience;

  void declare(CLI::App& app);
  /// Throws InputError: an address that is none; nodes beyond this machine without a token.
  actors::NodeOptions read() const;
};

/// The token of that file; without one the empty token, which is enough only where `loopback`: nobody beyond this machine is concerned. Throws
/// InputError.
wire::Token token_of(const std::string& file, bool loopback, const char* otherwise);

}  // namespace afu::cli
