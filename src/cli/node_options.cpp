#include "cli/node_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "cli/verb.hpp"
#include "wire/slurm_hosts.hpp"

namespace afu::cli {
namespace {

constexpr const char* slurm = "slurm:";

/// "slurm:PORT": that port of each host of the allocation that this process is in.
std::vector<wire::Address> of_allocation(const std::string& text) {
  const auto port = wire::address_from(text).port;
  const char* list = std::getenv("SLURM_JOB_NODELIST");
  if (!list)
    throw UsageError(
        fmt::format("--nodes {}: SLURM_JOB_NODELIST is not set, so this is no job of Slurm", text));
  std::vector<wire::Address> all;
  for (auto& host : wire::hosts_of(list)) all.push_back({std::move(host), port});
  return all;
}

}  // namespace

wire::Token token_of(const std::string& file, bool loopback, const char* otherwise) {
  if (!file.empty()) return wire::Token::read(file);
  if (!loopback) throw UsageError(otherwise);
  return {};
}

void add_patience(CLI::App& app, double& seconds, const char* help) {
  app.add_option("--patience", seconds, help)->capture_default_str()->check(CLI::Range(0.2, 3600.0));
}

actors::Pulse pulse_of(double patience) {
  return actors::Pulse::of(std::chrono::milliseconds(static_cast<std::int64_t>(patience * 1000)));
}

void NodesAsked::declare(CLI::App& app) {
  app.add_option(
      "--nodes", nodes,
      "HOST:PORT,...: `afu node` processes whose lanes compute beside this machine's; slurm:PORT: on the hosts "
      "of the job's allocation");
  app.add_flag("--only-nodes", only_nodes, "This machine's lanes compute nothing but merges");
  app.add_option("--token-file", token_file, "File of mode 0600 with the secret that the nodes know too");
  app.add_flag("--mixed-numerics", mixed_numerics, "Also nodes that do not promise the same bytes");
  add_patience(app, patience, "Seconds without a word of a node after which it counts as lost");
}

actors::NodeOptions NodesAsked::read() const {
  actors::NodeOptions options;
  if (nodes.empty()) {
    if (only_nodes || !token_file.empty() || mixed_numerics || patience < default_patience ||
        patience > default_patience)
      throw UsageError("--only-nodes, --token-file, --mixed-numerics and --patience go with --nodes");
    return options;
  }
  options.nodes = nodes.rfind(slurm, 0) == 0 ? of_allocation(nodes) : wire::addresses_from(nodes);
  const bool loopback = std::all_of(options.nodes.begin(), options.nodes.end(),
                                    [](const auto& a) { return wire::is_loopback(a.host); });
  options.token = token_of(token_file, loopback,
                           "nodes on other machines take work only from who knows their token: --token-file");
  options.local_lanes = !only_nodes;
  options.mixed_numerics = mixed_numerics;
  options.pulse = pulse_of(patience);
  return options;
}

}  // namespace afu::cli
