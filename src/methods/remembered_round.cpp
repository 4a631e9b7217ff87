#include "methods/remembered_round.hpp"

namespace afu::methods {

RememberedRound remembered(const aggregate::HistoryRound& round, std::uint32_t target) {
  RememberedRound r;
  r.start = round.start;
  r.end = round.end;
  double all = 0, own = 0;
  for (const auto& c : round.contributions) {
    all += c.weight;
    if (c.client != target) continue;
    own += c.weight;
    r.target.emplace_back(c.weight, c.delta);
  }
  r.share = all > 0 ? own / all : 0;
  return r;
}

}  // namespace afu::methods
