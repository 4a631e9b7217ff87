#include "federate/not_finite.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "config/scenario.hpp"
#include "federate/ending.hpp"

namespace afu::federate {

std::uint64_t most_dropped(const Parts& p) {
  constexpr std::uint64_t least = 100, by_client = 10;
  return std::max<std::uint64_t>(least, by_client * p.trainers.roster.size());
}

bool drop(Parts& p, record::Divergence d, std::uint64_t staleness, Effects& fx) {
  auto& a = p.account;
  const bool update = d.what == "update";
  if (p.scenario().training.non_finite == config::NonFinite::fail ||
      (update && a.dropped_in_a_row >= most_dropped(p))) {
    diverge(p, std::move(d), fx);
    return false;
  }
  p.decide(record::Decision::Kind::not_finite, d.client.value_or(methods::no_client), staleness, 0, fx);
  ++(update ? a.unused.not_finite_updates : a.unused.not_finite_work);
  if (update) ++a.dropped_in_a_row;
  if (!a.dropped) a.dropped = std::move(d);
  return true;
}

std::string dropped_text(const Account& a) {
  if (!a.dropped) return {};
  const auto updates = a.unused.not_finite_updates, work = a.unused.not_finite_work;
  return fmt::format(
      "not finite, so dropped (training.non_finite): {} update{} and {} other result{}; the first: {}",
      updates, updates == 1 ? "" : "s", work, work == 1 ? "" : "s", to_string(*a.dropped));
}

}  // namespace afu::federate
