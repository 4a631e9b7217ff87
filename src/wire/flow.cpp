#include "wire/flow.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace afu::wire {

void Outbox::send(const Named& vector) {
  send(announcement(vector.name, vector.bytes->size()));
  queue_.push_back({{}, vector.bytes});
}

void Outbox::take_credit(const Frame& frame) {
  FrameNumbers from(frame);
  const auto more = from.u32();
  from.end();
  if (more > most_credit_ - credit_)
    throw WireError(fmt::format("credit for {} chunks, allowed: {}", more, most_credit_ - credit_));
  credit_ += more;
}

std::optional<Frame> Outbox::next() {
  if (!first_.empty()) {
    auto frame = std::move(first_.front());
    first_.pop_front();
    return frame;
  }
  if (queue_.empty()) return std::nullopt;
  auto& front = queue_.front();
  if (!front.bytes) {
    auto frame = std::move(front.frame);
    queue_.pop_front();
    return frame;
  }
  if (credit_ == 0) return std::nullopt;
  --credit_;
  const auto size = std::min(chunk_, front.bytes->size() - front.sent);
  const auto begin = front.bytes->begin() + static_cast<std::ptrdiff_t>(front.sent);
  Frame frame{Kind::chunk, Bytes(begin, begin + static_cast<std::ptrdiff_t>(size))};
  front.sent += size;
  vector_bytes_ += size;
  if (front.sent == front.bytes->size()) queue_.pop_front();
  return frame;
}

void Credit::spend() {
  if (left_ == 0) throw WireError("a chunk without credit");
  --left_;
}

std::optional<Frame> Credit::give_back() {
  if (++due_ < std::max<std::uint32_t>(1, window_ / 2)) return std::nullopt;
  Frame frame{Kind::credit};
  append_number(frame.bytes, due_);
  left_ += std::exchange(due_, 0);
  return frame;
}

}  // namespace afu::wire
