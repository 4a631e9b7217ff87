#include "cli/node_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "cli/number_in.hpp"
#include "cli/verb.hpp"
#include "config/scenario.hpp"
#include "wire/connect.hpp"
#include "wire/slurm_hosts.hpp"

namespace afu::cli {
namespace {

/// For slurm:PORT that port of each host of the allocation that this process is in.
std::vector<base::Address> addresses_of(const std::string& text) {
  const auto address = base::address_from(text);
  if (address.host != "slurm") return {address};
  const char* list = std::getenv("SLURM_JOB_NODELIST");
  if (!list)
    throw InputError(fmt::format("{}: SLURM_JOB_NODELIST is not set, so this is no job of Slurm", text));
  std::vector<base::Address> all;
  for (auto& host : wire::hosts_of(list)) all.push_back({std::move(host), address.port});
  return all;
}

/// What `make` returns; what is wrong with it is said of the flag or key.
template <class Make>
auto of_key(const char* key, Make make) {
  try {
    return make();
  } catch (const InputError& e) {
    throw InputError(fmt::format("{}: {}", key, e.what()));
  }
}

}  // namespace

wire::Token token_of(const std::string& file, bool loopback, const char* otherwise) {
  if (!file.empty()) return wire::Token::read(file);
  if (!loopback) throw InputError(otherwise);
  return {};
}

void add_patience(CLI::App& app, double& seconds, const char* help) {
  app.add_option("--patience", seconds, help)->capture_default_str()->check(number_in(0.2, 3600));
}

actors::Pulse pulse_of(double patience) {
  return actors::Pulse::of(std::chrono::milliseconds(static_cast<std::int64_t>(patience * 1000)));
}

void NodesAsked::declare(CLI::App& app, const char* patience_flag) {
  const auto not_empty = [](const char* instead) {
    return [=](const std::string& text) {
      return text.empty() ? std::string("is empty") + instead : std::string();
    };
  };
  app.add_option(
         "--nodes", nodes,
         "HOST:PORT,...: `afu node` processes whose lanes compute beside this machine's; slurm:PORT: on the hosts "
         "of the job's allocation; overrides compute.nodes")
      ->check(not_empty("; without nodes: --set compute.nodes=[]"));
  app.add_flag("--only-nodes", only_nodes, "This machine's lanes compute nothing but merges");
  app.add_option("--token-file", token_file, "File of mode 0600 with the secret that the nodes know too")
      ->check(not_empty("; without a token: --set compute.token_file="));
  app.add_flag("--mixed-numerics", mixed_numerics, "Also nodes that do not promise the same bytes");
  app.add_option(
         patience_flag, patience,
         "Seconds without a word of a node after which it counts as lost; 5 where nothing else is said")
      ->check(number_in(0.2, 3600));
}

void NodesAsked::put_into(config::Scenario& scenario) const {
  auto& c = scenario.compute;
  if (nodes) {
    c.nodes.clear();
    std::istringstream list(*nodes + ',');  // what ends with a comma names an empty one last
    of_key("--nodes", [&] {
      std::vector<base::Address> all;
      for (std::string one; std::getline(list, one, ',');) {
        all.push_back(base::address_from(one));
        c.nodes.push_back(one);
      }
      return base::refuse_twice(all);
    });
  }
  if (c.nodes.empty() && (only_nodes || token_file || mixed_numerics || patience))
    throw UsageError(
        "--only-nodes, --token-file, --mixed-numerics and the patience go with --nodes or compute.nodes");
  if (only_nodes) c.only_nodes = true;
  if (mixed_numerics) c.mixed_numerics = true;
  if (patience) c.node_patience = *patience;
  if (token_file) {
    of_key("--token-file", [&] { return wire::Token::read(*token_file); });
    c.token_file = std::filesystem::absolute(*token_file).string();
  }
}

actors::NodeOptions node_options(const config::Scenario& scenario) {
  const auto& c = scenario.compute;
  actors::NodeOptions options;
  if (c.nodes.empty()) return options;
  of_key("compute.nodes", [&] {
    for (const auto& text : c.nodes)
      for (auto& address : addresses_of(text)) options.nodes.push_back(std::move(address));
    base::refuse_twice(options.nodes);
    return wire::refuse_same_place(options.nodes);
  });
  const bool loopback = std::all_of(options.nodes.begin(), options.nodes.end(),
                                    [](const auto& a) { return base::is_loopback(a.host); });
  options.token = of_key("compute.token_file", [&] {
    return token_of(c.token_file, loopback,
                    "nodes on other machines take work only from who knows their token: name its file, or "
                    "--token-file");
  });
  options.local_lanes = !c.only_nodes;
  options.mixed_numerics = c.mixed_numerics;
  options.pulse = pulse_of(c.node_patience);
  return options;
}

}  // namespace afu::cli
