#pragma once
/// What is sent when: in order, vectors in chunks, and no more chunks than the peer has given credit for. So nothing is queued without bound at
/// the peer, and beats and credits never wait behind a vector.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "wire/vectors.hpp"

namespace afu::wire {

/// Bytes of a chunk; at most most_after_proof. Chunks that may be on their way: 16 MiB, which is more than 100 Gbit/s carry in 1 ms.
inline constexpr std::size_t chunk_bytes = std::size_t{1} << 20;
inline constexpr std::uint32_t chunk_window = 16;

class Outbox {
 public:
  explicit Outbox(std::size_t chunk = chunk_bytes, std::uint32_t credit = chunk_window)
      : chunk_(chunk), credit_(credit) {}

  void send(Frame frame) { queue_.push_back({std::move(frame), nullptr}); }
  /// Its announcement and its chunks.
  void send(const Named& vector);
  /// Ahead of all that waits.
  void send_first(Frame frame) { first_.push_back(std::move(frame)); }

  /// A frame `credit`. Throws WireError where more would be allowed than ever was.
  void take_credit(const Frame& frame);

  /// What is to be sent next; none: nothing, or nothing until more credit comes.
  std::optional<Frame> next();
  bool empty() const { return first_.empty() && queue_.empty(); }
  std::uint64_t vector_bytes() const { return vector_bytes_; }  ///< handed out so far

 private:
  struct Waiting {
    Frame frame;        ///< where it is no vector
    SharedBytes bytes;  ///< of a vector, whose announcement has been handed out
    std::size_t sent = 0;
  };
  std::size_t chunk_;
  std::uint32_t credit_;
  const std::uint32_t most_credit_ = credit_;
  std::deque<Frame> first_;
  std::deque<Waiting> queue_;
  std::uint64_t vector_bytes_ = 0;
};

/// The credit that was given to the peer.
class Credit {
 public:
  explicit Credit(std::uint32_t window = chunk_window) : window_(window), left_(window) {}
  /// A chunk came. Throws WireError where it had no credit.
  void spend();
  /// A chunk was used up. The frame that gives new credit, where it is time: once half of the window is due.
  std::optional<Frame> give_back();

 private:
  std::uint32_t window_, left_, due_ = 0;
};

}  // namespace afu::wire
