#pragma once
/// What a run and a node are told of each other: flags, and the keys of [compute] that they stand for.
#include <CLI/CLI.hpp>

#include <optional>
#include <string>

#include "actors/node_options.hpp"
#include "config/scenario_fwd.hpp"

namespace afu::cli {

inline constexpr double default_patience = 5;  ///< seconds
void add_patience(CLI::App& app, double& seconds, const char* help);
actors::Pulse pulse_of(double patience);

/// --nodes, --only-nodes, --token-file, --mixed-numerics and a flag for the patience: for one command they stand for the keys
/// of [compute].
struct NodesAsked {
  std::optional<std::string> nodes{}, token_file{};
  bool only_nodes = false, mixed_numerics = false;
  std::optional<double> patience{};  ///< seconds

  void declare(CLI::App& app, const char* patience_flag = "--patience");
  /// Puts what was given in the place of the scenario's own. Throws InputError that names the flag: an address that is none, a token's file that cannot
  /// be used; something was given, and there are no nodes.
  void put_into(config::Scenario& scenario) const;
};

/// As `scenario`, whose paths are absolute, has it in [compute]. Throws InputError that begins with the key: an
/// address that is none, or is there twice; nodes beyond this machine without a token; a token's file that cannot be used; slurm:PORT
/// outside of a job.
actors::NodeOptions node_options(const config::Scenario& scenario);

/// The token of that file; without one the empty token, which is enough only where `loopback`: nobody beyond this machine is concerned. Throws
/// InputError.
wire::Token token_of(const std::string& file, bool loopback, const char* otherwise);

}  // namespace afu::cli
