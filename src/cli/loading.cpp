#include "cli/loading.hpp"

#include <chrono>
#include <memory>

#include "cli/terminal.hpp"

namespace afu::cli {

data::LoadProgress loading_lines() {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::seconds between{5};
  auto told = std::make_shared<Clock::time_point>(Clock::now());
  return [told, between](std::int64_t done, std::int64_t all) {
    const auto now = Clock::now();
    if (now - *told < between) return;
    *told = now;
    log(Level::info, "decoded {} of {} images ({} %)", done, all, all > 0 ? 100 * done / all : 100);
  };
}

}  // namespace afu::cli
