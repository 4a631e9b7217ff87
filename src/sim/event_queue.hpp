#pragma once
/// The pending events of a run, as data, in (time, sequence) order.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

namespace afu::sim {

/// Min-queue: a 4-ary heap of 24-byte keys over a slab of payloads, so that sifting never moves a payload.
/// `Payload` is default-constructible and movable. At most 2^32 - 1 events are pending.
template <class Payload>
class EventQueue {
 public:
  struct Event {
    double time = 0;
    std::uint64_t sequence = 0;
    Payload payload;
  };

  /// Gives the event its sequence number and returns it. Throws std::invalid_argument when time is not a
  /// number.
  std::uint64_t push(double time, Payload payload) {
    push(time, next_sequence_, std::move(payload));
    return next_sequence_ - 1;
  }

  /// Under a number of the caller's own, which no pending event has; later pushes get higher ones.
  void push(double time, std::uint64_t sequence, Payload payload) {
    if (std::isnan(time)) throw std::invalid_argument("EventQueue: an event's time is not a number");
    std::uint32_t slot;
    if (free_.empty()) {
      if (slab_.size() == std::numeric_limits<std::uint32_t>::max())
        throw std::length_error("EventQueue: 2^32 - 1 events are pending");
      slot = static_cast<std::uint32_t>(slab_.size());
      slab_.push_back(std::move(payload));
    } else {
      slot = free_.back();
      free_.pop_back();
      slab_[slot] = std::move(payload);
    }
    heap_.emplace_back();
    sift_up(heap_.size() - 1, {time, sequence, slot});
    next_sequence_ = std::max(next_sequence_, sequence + 1);
  }

  /// Takes the first event. The queue must not be empty; the same holds for top_time.
  Event pop() {
    Key top = heap_.front();
    Key last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) refill_root(last);
    free_.push_back(top.slot);
    return {top.time, top.sequence, std::exchange(slab_[top.slot], Payload{})};
  }

  double top_time() const { return heap_.front().time; }
  const Payload& top() const { return slab_[heap_.front().slot]; }
  /// Asks for the first event's payload to be brought into the cache. The queue may be empty.
  void prefetch_top() const {
    if (!heap_.empty()) prefetch(&slab_[heap_.front().slot], sizeof(Payload));
  }
  std::size_t size() const { return heap_.size(); }
  bool empty() const { return heap_.empty(); }
  void set_next_sequence(std::uint64_t n) { next_sequence_ = std::max(next_sequence_, n); }

  void reserve(std::size_t events) {
    heap_.reserve(events);
    slab_.reserve(events);
    free_.reserve(events);
  }

 private:
  struct Key {
    double time;
    std::uint64_t sequence;
    std::uint32_t slot;
  };
  static_assert(sizeof(Key) == 24);
  static constexpr std::size_t arity = 4;

  static void prefetch(const void* p, std::size_t bytes) {
    const auto* begin = static_cast<const char*>(p);
    for (std::size_t i = 0; i < bytes; i += 64) __builtin_prefetch(begin + i);
  }

  /// Without branches on the times, which a processor could not predict.
  static bool before(const Key& a, const Key& b) {
    return (a.time < b.time) | ((a.time == b.time) & (a.sequence < b.sequence));
  }

  void sift_up(std::size_t hole, Key key) {
    while (hole > 0) {
      std::size_t parent = (hole - 1) / arity;
      if (!before(key, heap_[parent])) break;
      heap_[hole] = heap_[parent];
      hole = parent;
    }
    heap_[hole] = key;
  }

  /// Moves the hole at the root down to a leaf along the least children, then lets `key`, which came from the
  /// bottom and mostly belongs there, rise: one comparison fewer a level than sifting it down.
  void refill_root(Key key) {
    std::size_t n = heap_.size(), hole = 0;
    for (std::size_t child = 1; child < n; child = hole * arity + 1) {
      // The grandchildren lie side by side: they are on their way while the children are compared.
      if (const auto grandchild = child * arity + 1; grandchild < n)
        prefetch(&heap_[grandchild], arity * arity * sizeof(Key));
      std::size_t least = child;
      if (child + arity <= n) {
        std::size_t left = before(heap_[child + 1], heap_[child]) ? child + 1 : child;
        std::size_t right = before(heap_[child + 3], heap_[child + 2]) ? child + 3 : child + 2;
        least = before(heap_[right], heap_[left]) ? right : left;
      } else {
        for (std::size_t c = child + 1; c < n; ++c)
          if (before(heap_[c], heap_[least])) least = c;
      }
      heap_[hole] = heap_[least];
      hole = least;
    }
    sift_up(hole, key);
  }

  std::vector<Key> heap_;
  std::vector<Payload> slab_;
  std::vector<std::uint32_t> free_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace afu::sim
