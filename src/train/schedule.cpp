#include "train/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace afu::train {

std::int64_t count_steps(std::int64_t samples, std::int64_t batch_size, std::int64_t epochs,
                         std::int64_t steps) {
  return steps > 0 ? steps : epochs * ((samples - 1) / batch_size + 1);
}

std::vector<std::size_t> shard_order(const base::StreamKey& key, std::size_t shards) {
  std::vector<std::size_t> order(shards);
  std::iota(order.begin(), order.end(), std::size_t{0});
  base::Stream stream({key.seed, base::purpose("shard_order"), key.actor, key.round});
  base::shuffle(order, stream);
  return order;
}

Schedule::Schedule(const data::IndicesPtr& samples, std::int64_t batch_size, std::int64_t epochs,
                   std::int64_t steps)
    : batch_size_(batch_size) {
  if (!samples || samples->empty()) throw std::invalid_argument("there are no samples to compute on");
  if (batch_size < 1)
    throw std::invalid_argument(fmt::format("batch_size is {}, allowed is 1 or more", batch_size));
  if (steps < 0) throw std::invalid_argument(fmt::format("steps is {}, allowed is 0 or more", steps));
  if (steps == 0 && epochs < 1)
    throw std::invalid_argument(fmt::format("epochs is {}, allowed is 1 or more", epochs));
  const auto count_of = static_cast<std::int64_t>(samples->size());
  steps_ = count_steps(count_of, batch_size, epochs, steps);
  parts_.push_back({0, steps_, count_steps(count_of, batch_size, 1, 0), 0, count_of});
  total_ = begin(steps_ - 1) + count(steps_ - 1);
  order_.reserve(static_cast<std::size_t>(total_));
}

void Schedule::shuffle_until(std::int64_t total, const data::Indices& samples, base::Stream& stream) {
  auto epoch = samples;
  const auto length = static_cast<std::int64_t>(epoch.size());
  while (static_cast<std::int64_t>(order_.size()) < total) {
    base::shuffle(epoch, stream);
    const auto take = std::min(length, total - static_cast<std::int64_t>(order_.size()));
    order_.insert(order_.end(), epoch.begin(), epoch.begin() + take);
  }
}

Schedule::Schedule(const data::IndicesPtr& samples, std::int64_t batch_size, std::int64_t epochs,
                   std::int64_t steps, const base::StreamKey& key)
    : Schedule(samples, batch_size, epochs, steps) {
  base::Stream stream(key);
  shuffle_until(total_, *samples, stream);
}

Schedule::Schedule(const std::vector<data::IndicesPtr>& shards, std::int64_t batch_size, std::int64_t epochs,
                   const base::StreamKey& key)
    : batch_size_(batch_size), shards_(shards.size()) {
  if (shards.empty()) throw std::invalid_argument("there are no samples to compute on");
  std::vector<Part> wholes;
  std::vector<data::Indices> orders;
  for (const auto& shard : shards) {
    wholes.push_back(Schedule(shard, batch_size, epochs, 0).parts_.front());
    orders.push_back(*shard);
  }
  base::Stream stream(key);
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
    for (std::size_t s = 0; s < shards.size(); ++s) {
      const auto& whole = wholes[s];
      parts_.push_back({steps_, whole.steps_per_epoch, whole.steps_per_epoch, total_, whole.samples});
      steps_ += whole.steps_per_epoch;
      total_ += whole.samples;
      base::shuffle(orders[s], stream);
      order_.insert(order_.end(), orders[s].begin(), orders[s].end());
    }
  }
}

Schedule::Schedule(const data::IndicesPtr& samples, std::int64_t batch_size, std::int64_t epochs,
                   std::int64_t steps, const base::StreamKey& key, const std::vector<std::int64_t>& labels)
    : Schedule(samples, batch_size, epochs, steps) {
  if (labels.size() != samples->size())
    throw std::invalid_argument(
        fmt::format("there are {} labels of {} samples", labels.size(), samples->size()));
  struct Deck {
    data::Indices rows;
    std::size_t next = 0;
  };
  std::map<std::int64_t, Deck> by_label;
  for (std::size_t i = 0; i < labels.size(); ++i) by_label[labels[i]].rows.push_back((*samples)[i]);
  std::vector<Deck> decks;
  for (auto& [label, deck] : by_label) {
    deck.next = deck.rows.size();
    decks.push_back(std::move(deck));
  }
  base::Stream stream(key);
  while (static_cast<std::int64_t>(order_.size()) < total_) {
    auto& deck = decks[stream.below(decks.size())];
    if (deck.next == deck.rows.size()) {
      base::shuffle(deck.rows, stream);
      deck.next = 0;
    }
    order_.push_back(deck.rows[deck.next++]);
  }
}

std::size_t Schedule::index_of_part(std::int64_t step) const {
  if (parts_.size() == 1) return 0;
  const auto next = std::upper_bound(parts_.begin(), parts_.end(), step,
                                     [](std::int64_t s, const Part& p) { return s < p.first_step; });
  return static_cast<std::size_t>(next - parts_.begin()) - 1;
}

std::int64_t Schedule::begin(std::int64_t step) const {
  const auto& part = part_of(step);
  const auto at = step - part.first_step;
  return part.begin + at / part.steps_per_epoch * part.samples + at % part.steps_per_epoch * batch_size_;
}

std::int64_t Schedule::count(std::int64_t step) const {
  const auto& part = part_of(step);
  return std::min(batch_size_, part.samples - (step - part.first_step) % part.steps_per_epoch * batch_size_);
}

bool Schedule::starts_epoch(std::int64_t step) const {
  const auto& part = part_of(step);
  return (step - part.first_step) % part.steps_per_epoch == 0;
}

std::size_t Schedule::shard(std::int64_t step) const { return index_of_part(step) % shards_; }

bool Schedule::in_last_epoch(std::int64_t step) const {
  const auto index = index_of_part(step);
  const auto& part = parts_[index];
  return index + shards_ >= parts_.size() &&
         step - part.first_step >= (part.steps - 1) / part.steps_per_epoch * part.steps_per_epoch;
}

}  // namespace afu::train
