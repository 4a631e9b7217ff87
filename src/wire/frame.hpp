#pragma once
/// What travels between a run and a node: frames, one after the other, on one TCP connection.
///
///   size (u32, little-endian), kind (u8), `size` bytes
///
/// Who a peer is shows only after its proof (handshake.hpp); until then no frame may be longer than a greeting. No torch in this
/// folder's headers, and no actor: bytes in, values out.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "job/bytes.hpp"

namespace afu::wire {

using job::Bytes;

/// What a peer sent is not what the protocol allows, or the peer refuses to go on. The connection is then of no use any more.
struct WireError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class Kind : std::uint8_t {
  greeting,    ///< handshake.hpp, both ways, first
  proof,       ///< likewise: of the token
  refusal,     ///< why the peer does not go on, UTF-8; the last frame
  session,     ///< run to node: what is to be computed on (messages.hpp)
  offer,       ///< node to run: what it has (messages.hpp)
  vector,      ///< name and size of a vector whose chunks follow (vectors.hpp)
  chunk,       ///< its next bytes; takes one credit
  credit,      ///< so many more chunks may be sent (u32)
  assignment,  ///< run to node: jobs (values.hpp)
  results,     ///< node to run: of one assignment (values.hpp)
  forget,      ///< run to node: names of vectors that nobody needs any more
  beat,        ///< the peer lives; empty
};
AFU_LAST(Kind, beat)
const char* to_text(Kind kind);

struct Frame {
  Kind kind = Kind::beat;
  Bytes bytes{};
};

inline constexpr std::size_t header_bytes = 5;
/// Of a frame, without its header: before the peer has proved the token, and after.
inline constexpr std::size_t most_before_proof = 1024, most_after_proof = std::size_t{64} << 20;

/// Appends the frame's bytes. `Buffer`: a vector of a character type. Throws std::length_error for one that is longer than
/// most_after_proof.
template <class Buffer>
void append(Buffer& to, Kind kind, const void* data, std::size_t size) {
  if (size > most_after_proof) throw std::length_error("a frame is too long");
  using Byte = typename Buffer::value_type;
  for (unsigned i = 0; i < 4; ++i) to.push_back(static_cast<Byte>(size >> (8 * i) & 0xff));
  to.push_back(static_cast<Byte>(kind));
  const auto* bytes = static_cast<const Byte*>(data);
  to.insert(to.end(), bytes, bytes + size);
}
template <class Buffer>
void append(Buffer& to, const Frame& frame) {
  append(to, frame.kind, frame.bytes.data(), frame.bytes.size());
}

/// A u32 or u64 as little-endian bytes, behind `to`.
void append_number(Bytes& to, std::uint32_t number);
void append_number(Bytes& to, std::uint64_t number);

/// Numbers at the front of a frame's bytes. Each read throws WireError where there are too few.
class FrameNumbers {
 public:
  explicit FrameNumbers(const Frame& frame) : frame_(frame) {}
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  /// The next `count` bytes.
  const std::uint8_t* bytes(std::size_t count);
  std::size_t left() const { return frame_.bytes.size() - at_; }
  /// Throws WireError where anything is left.
  void end() const;

 private:
  std::uint64_t number(std::size_t bytes);
  const Frame& frame_;
  std::size_t at_ = 0;
};

/// Frames from bytes as they come. It holds no more memory than a frame's limit and what was put last.
class FrameReader {
 public:
  explicit FrameReader(std::size_t most = most_before_proof) : most_(most) {}

  /// From now on frames may be so long.
  void allow(std::size_t most) { most_ = most; }
  void put(const void* data, std::size_t size);
  /// The next frame that is whole. Throws WireError, naming the byte of the connection at which it begins, for a frame that is
  /// longer than is allowed and for a kind that there is not; then the reader is of no use any more.
  std::optional<Frame> next();

 private:
  std::size_t most_;
  Bytes pending_;
  std::size_t read_ = 0;      ///< of pending_
  std::uint64_t offset_ = 0;  ///< of pending_[read_] in the connection
};

}  // namespace afu::wire
