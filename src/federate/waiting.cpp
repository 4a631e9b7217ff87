#include "federate/waiting.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>
#include <vector>

namespace afu::federate {

namespace {

constexpr std::size_t most_named = 5;  ///< clients; those of more are not looked for

/// "client/3, client/7"; of more: "17 clients".
template <class Clients>
std::string named(std::size_t count, const Clients& clients) {
  if (count > most_named) return fmt::format("{} clients", count);
  std::string names;
  for (const std::uint32_t c : clients()) names += fmt::format("{}client/{}", names.empty() ? "" : ", ", c);
  return names;
}

std::string at_work(const Parts& p) {
  return named(p.trainers.tasks.in_flight(), [&] {
    std::vector<std::uint32_t> busy;
    for (std::uint32_t c = 0; c < p.trainers.roster.size(); ++c)
      if (p.trainers.tasks[c].busy) busy.push_back(c);
    return busy;
  });
}

std::string erasing(const stage::Collecting& c) {
  return named(c.out.size(), [&] {
    std::vector<std::uint32_t> clients;
    for (const auto& [client, task] : c.out) clients.push_back(client);
    return clients;
  });
}

/// Whom one request waits for; empty: nobody.
std::string whom(const Parts& p, const ServedRequest& r) {
  if (const auto* collecting = std::get_if<stage::Collecting>(&r.stage)) return erasing(*collecting);
  if (r.in<stage::Draining>()) return at_work(p);
  if (const auto* s = std::get_if<stage::AwaitingUpdates>(&r.stage)) {
    const auto left = s->until - std::min(s->until, p.at.updates);
    const auto workers = at_work(p);
    return fmt::format("{} more update{}{}", left, left == 1 ? "" : "s",
                       workers.empty() ? "" : ", now of " + workers);
  }
  return "";
}

}  // namespace

std::string waited_for(const Parts& p) {
  for (const auto& r : p.requests)
    if (const auto text = whom(p, r); !text.empty())
      return fmt::format("erasure[{}] waits for {}", r.request.index, text);
  return "";
}

}  // namespace afu::federate
