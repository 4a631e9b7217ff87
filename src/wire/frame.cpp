#include "wire/frame.hpp"

#include <fmt/format.h>

#include <array>

namespace afu::wire {
namespace {

void append_bytes(Bytes& to, std::uint64_t number, unsigned count) {
  for (unsigned i = 0; i < count; ++i) to.push_back(static_cast<std::uint8_t>(number >> (8 * i) & 0xff));
}

std::uint64_t number_at(const std::uint8_t* bytes, std::size_t count) {
  std::uint64_t number = 0;
  for (std::size_t i = count; i-- > 0;) number = number << 8 | bytes[i];
  return number;
}

}  // namespace

const char* to_text(Kind kind) {
  static constexpr std::array<const char*, 12> names{"greeting",   "proof",   "refusal", "session",
                                                     "offer",      "vector",  "chunk",   "credit",
                                                     "assignment", "results", "forget",  "beat"};
  static_assert(static_cast<std::size_t>(last_of(Kind{})) + 1 == names.size());
  return names.at(static_cast<std::size_t>(kind));
}

void append_number(Bytes& to, std::uint32_t number) { append_bytes(to, number, 4); }
void append_number(Bytes& to, std::uint64_t number) { append_bytes(to, number, 8); }

const std::uint8_t* FrameNumbers::bytes(std::size_t count) {
  if (left() < count)
    throw WireError(fmt::format("byte {} of a frame ({}): {} more are expected, there are {}", at_,
                                to_text(frame_.kind), count, left()));
  const auto* begin = frame_.bytes.data() + at_;
  at_ += count;
  return begin;
}

std::uint64_t FrameNumbers::number(std::size_t count) { return number_at(bytes(count), count); }

void FrameNumbers::end() const {
  if (left() > 0)
    throw WireError(
        fmt::format("byte {} of a frame ({}): {} more than are expected", at_, to_text(frame_.kind), left()));
}

void FrameReader::put(const void* data, std::size_t size) {
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(read_));
  read_ = 0;
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  pending_.insert(pending_.end(), bytes, bytes + size);
}

std::optional<Frame> FrameReader::next() {
  const auto there = pending_.size() - read_;
  if (there < header_bytes) return std::nullopt;
  const auto* header = pending_.data() + read_;
  const auto size = static_cast<std::size_t>(number_at(header, 4));
  const auto kind = header[4];
  if (kind > static_cast<std::uint8_t>(last_of(Kind{})))
    throw WireError(fmt::format("byte {} of the connection: there is no frame of kind {}", offset_, kind));
  if (size > most_)
    throw WireError(fmt::format("byte {} of the connection: a frame ({}) of {} bytes, allowed: {}", offset_,
                                to_text(static_cast<Kind>(kind)), size, most_));
  if (there - header_bytes < size) return std::nullopt;
  const auto* body = header + header_bytes;
  Frame frame{static_cast<Kind>(kind), Bytes(body, body + size)};
  read_ += header_bytes + size;
  offset_ += header_bytes + size;
  return frame;
}

}  // namespace afu::wire
