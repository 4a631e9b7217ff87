#include "train/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

namespace afu::train {

std::int64_t count_steps(std::int64_t samples, std::int64_t batch_size, std::int64_t epochs,
                         std::int64_t steps) {
  return steps > 0 ? steps : epochs * ((samples - 1) / batch_size + 1);
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
  samples_ = static_cast<std::int64_t>(samples->size());
  steps_per_epoch_ = count_steps(samples_, batch_size, 1, 0);
  steps_ = count_steps(samples_, batch_size, epochs, steps);

  total_ = begin(steps_ - 1) + count(steps_ - 1);
  order_.reserve(static_cast<std::size_t>(total_));
}

Schedule::Schedule(const data::IndicesPtr& samples, std::int64_t batch_size, std::int64_t epochs,
                   std::int64_t steps, const base::StreamKey& key)
    : Schedule(samples, batch_size, epochs, steps) {
  data::Indices epoch = *samples;
  base::Stream stream(key);
  while (static_cast<std::int64_t>(order_.size()) < total_) {
    base::shuffle(epoch, stream);
    const auto take = std::min(samples_, total_ - static_cast<std::int64_t>(order_.size()));
    order_.insert(order_.end(), epoch.begin(), epoch.begin() + take);
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

std::int64_t Schedule::begin(std::int64_t step) const {
  return step / steps_per_epoch_ * samples_ + step % steps_per_epoch_ * batch_size_;
}

std::int64_t Schedule::count(std::int64_t step) const {
  return std::min(batch_size_, samples_ - step % steps_per_epoch_ * batch_size_);
}

}  // namespace afu::train
