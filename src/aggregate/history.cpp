#include "aggregate/history.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace afu::aggregate {

History::History(HistoryNeeds needs, std::vector<std::uint32_t> tracked, std::size_t round_size)
    : needs_(needs), tracked_(std::move(tracked)), round_size_(round_size) {}

void History::record(const MergePlan& plan, const model::ParametersPtr& before,
                     const model::ParametersPtr& after, std::uint64_t version) {
  if (!needs_.rounds) return;
  if (number_ == 0 && !open_) {
    first_ = before;
    first_version_ = version - 1;
    bytes_ = model::byte_size(first_);
  }
  if (!open_) current_ = {number_, needs_.models ? before : nullptr, nullptr, 0, {}};
  open_ = true;
  const bool kept = number_ % std::max<std::uint64_t>(1, needs_.every) == 0;
  for (const auto& part : plan.parts) {
    const auto client = part.arrival.client;
    const bool wanted =
        kept && (needs_.all_clients || std::find(tracked_.begin(), tracked_.end(), client) != tracked_.end());
    current_.contributions.push_back({client, part.coefficient, wanted ? part.arrival.delta : nullptr});
    bytes_ += model::byte_size(current_.contributions.back().delta);
  }
  if (round_size_ == 0 || current_.contributions.size() >= round_size_) close_round(after, version);
}

void History::close_round(const model::ParametersPtr& after, std::uint64_t version) {
  open_ = false;
  current_.end_version = version;
  if (number_++ % std::max<std::uint64_t>(1, needs_.every) != 0) return;
  if (needs_.models) {
    // The version before it is the one that the last kept round ended with, or the first, unless some rounds
    // between are not kept.
    const bool shared =
        current_.start == first_ || (!rounds_.empty() && current_.start == rounds_.back().end);
    current_.end = after;
    bytes_ += model::byte_size(after) + (shared ? 0 : model::byte_size(current_.start));
  }
  rounds_.push_back(std::move(current_));
}

std::size_t History::unfinished(std::uint32_t client) const {
  if (!open_) return 0;
  const auto& all = current_.contributions;
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [&](const Contribution& c) { return c.client == client; }));
}

void History::forget(std::uint32_t client) {
  const auto drop = [&](HistoryRound& round) {
    auto& all = round.contributions;
    const auto kept = std::stable_partition(all.begin(), all.end(),
                                            [&](const Contribution& c) { return c.client != client; });
    for (auto i = kept; i != all.end(); ++i) bytes_ -= model::byte_size(i->delta);
    all.erase(kept, all.end());
  };
  for (auto& round : rounds_) drop(round);
  if (open_) drop(current_);
}

void History::rewind(std::uint64_t version) {
  while (!rounds_.empty() && rounds_.back().end_version > version) rounds_.pop_back();
  current_ = {};
  open_ = false;
  number_ = rounds_.empty() ? 0 : rounds_.back().number + 1;
  count_bytes();
}

void History::count_bytes() {
  std::set<model::ParametersPtr> held{first_};
  for (const auto& round : rounds_) {
    held.insert({round.start, round.end});
    for (const auto& c : round.contributions) held.insert(c.delta);
  }
  bytes_ = 0;
  for (const auto& vector : held) bytes_ += model::byte_size(vector);
}

void History::reset() {
  rounds_.clear();
  first_.reset();
  first_version_ = 0;
  current_ = {};
  open_ = false;
  number_ = 0;
  bytes_ = 0;
}

}  // namespace afu::aggregate
