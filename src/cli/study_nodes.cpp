#include "cli/study_nodes.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cli/node_options.hpp"
#include "cli/study_runner.hpp"
#include "cli/verb.hpp"
#include "config/scenario.hpp"
#include "config/writer.hpp"
#include "wire/connect.hpp"

namespace afu::cli {

int jobs_by_nodes(const study::Plan& plan, int jobs) {
  std::map<std::vector<std::string>, std::size_t> counts;  // cells have the same ones, most likely
  auto fewest = std::numeric_limits<std::size_t>::max();
  for (const auto& cell : plan.cells) {
    const auto& asked = cell.scenario.compute.nodes;
    if (asked.empty()) continue;
    const auto [entry, is_new] = counts.emplace(asked, 0);
    if (is_new) entry->second = node_options(config::with_absolute_paths(cell.scenario)).nodes.size();
    fewest = std::min(fewest, entry->second);
  }
  if (counts.empty()) return jobs;
  const auto most = static_cast<int>(std::min<std::size_t>(fewest, 4096));
  if (jobs == 0) return std::min(runners_for(plan.cells.size(), 0), most);
  if (jobs > most)
    throw UsageError(fmt::format(
        "-j {}: cells that are computed at a time need nodes of their own, and there {} {}; allowed is "
        "at most -j {}",
        jobs, most == 1 ? "is" : "are", most, most));
  return jobs;
}

void require_nodes(const study::Plan& plan) {
  std::set<std::vector<std::string>> asked;
  std::set<std::string> reached;
  for (const auto& cell : plan.cells) {
    if (cell.scenario.compute.nodes.empty() || !asked.insert(cell.scenario.compute.nodes).second) continue;
    for (const auto& address : node_options(config::with_absolute_paths(cell.scenario)).nodes)
      if (const auto name = base::to_text(address); reached.insert(name).second) try {
          ::close(wire::connect_to(address, std::chrono::seconds(3)));
        } catch (const std::runtime_error& e) {
          throw InputError(fmt::format("compute.nodes: node {}: {}", name, e.what()));
        }
  }
}

actors::NodeOptions share_of_nodes(actors::NodeOptions options, std::size_t index, std::size_t count) {
  std::vector<base::Address> own;
  for (std::size_t i = index; i < options.nodes.size(); i += count) own.push_back(options.nodes[i]);
  options.nodes = std::move(own);
  return options;
}

}  // namespace afu::cli
