#include "cli/study_watch.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cli/interrupts.hpp"
#include "cli/study_eta.hpp"
#include "cli/study_worker.hpp"
#include "cli/terminal.hpp"
#include "record/lease.hpp"
#include "record/run_folder.hpp"

namespace afu::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

std::string workers_text(const std::vector<record::Leases::Held>& held) {
  std::map<std::string, std::pair<int, bool>> by_holder;  // groups, dead
  for (const auto& lease : held) {
    auto& [groups, dead] = by_holder[lease.holder];
    ++groups;
    dead = lease.dead;
  }
  std::vector<std::string> parts;
  for (const auto& [holder, what] : by_holder)
    parts.push_back(fmt::format("{} holds {}{}", holder.empty() ? "somebody" : holder, what.first,
                                what.second ? ", no sign of life" : ""));
  return parts.empty() ? "nobody is at work" : fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace

int watch_study(const study::Plan& plan, const fs::path& folder, double patience) {
  if (!fs::exists(folder / "study.json"))
    throw record::RunFolderError(
        fmt::format("'{}' holds no study yet: nobody has begun it", folder.string()));
  Interrupts::take();
  record::Leases leases(lease_folder(folder), holder_name(), beats_of_patience);
  const auto began = Clock::now();
  std::size_t done_before = 0;
  std::string last;
  auto told = began;
  for (bool first = true;; first = false) {
    const auto now = Clock::now();
    const auto state = count_cells(plan, folder);
    const auto done = state.complete + state.failed;
    if (first) done_before = done;
    const auto held = leases.held();
    const double seconds = std::chrono::duration<double>(now - began).count();
    std::string left;
    if (done > done_before && done < plan.cells.size())
      left =
          fmt::format(", {} left at this pace", clock_text(seconds / static_cast<double>(done - done_before) *
                                                           static_cast<double>(plan.cells.size() - done)));
    const auto what = fmt::format("{} / {} cells{}", done, plan.cells.size(),
                                  state.failed > 0 ? fmt::format(" ({} failed)", state.failed) : "");
    const auto who = workers_text(held);
    if (what + who != last || now - told >= std::chrono::minutes(1)) {
      log(Level::info, "{}{}: {}", what, left, who);
      last = what + who;
      told = now;
    }
    if (done == plan.cells.size() && held.empty()) return state.failed > 0 ? 1 : 0;
    const auto next = now + std::chrono::duration<double>(patience / beats_of_patience);
    while (Clock::now() < next && !Interrupts::asked())
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    if (Interrupts::asked()) return Interrupts::status();
    leases.beat();
  }
}

}  // namespace afu::cli
