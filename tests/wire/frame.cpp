#include "wire/frame.hpp"

#include <algorithm>

#include <doctest/doctest.h>

#include "base/random.hpp"

using namespace afu;
using wire::Frame;
using wire::Kind;

namespace {

wire::Bytes bytes_of(const std::vector<Frame>& frames) {
  wire::Bytes bytes;
  for (const auto& frame : frames) wire::append(bytes, frame);
  return bytes;
}

}  // namespace

TEST_CASE("frames come out as they went in, however the bytes are cut") {
  const std::vector<Frame> sent{
      {Kind::greeting, {1, 2, 3}}, {Kind::beat, {}}, {Kind::refusal, wire::Bytes(300, 7)}};
  const auto bytes = bytes_of(sent);
  for (std::size_t piece = 1; piece <= bytes.size(); piece += 1 + piece / 4) {
    CAPTURE(piece);
    wire::FrameReader reader;
    std::vector<Frame> got;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      reader.put(bytes.data() + at, std::min(piece, bytes.size() - at));
      while (auto frame = reader.next()) got.push_back(std::move(*frame));
    }
    REQUIRE(got.size() == sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) {
      CHECK(got[i].kind == sent[i].kind);
      CHECK(got[i].bytes == sent[i].bytes);
    }
  }
}

TEST_CASE("a frame that is too long is refused by its header, with its place and what is allowed") {
  auto bytes = bytes_of({{Kind::beat, {}}});
  for (const auto byte : {0xff, 0xff, 0xff, 0x7f, 6}) bytes.push_back(static_cast<std::uint8_t>(byte));
  wire::FrameReader reader;
  reader.put(bytes.data(), bytes.size());
  CHECK(reader.next());
  CHECK_THROWS_WITH_AS(reader.next(),
                       "byte 5 of the connection: a frame (chunk) of 2147483647 bytes, allowed: 1024",
                       wire::WireError);
}

TEST_CASE("longer frames are read once they are allowed") {
  const auto bytes = bytes_of({{Kind::beat, {}}, {Kind::chunk, wire::Bytes(5000, 1)}});
  wire::FrameReader reader;
  reader.put(bytes.data(), bytes.size());
  CHECK(reader.next());
  reader.allow(5000);
  CHECK(reader.next()->bytes.size() == 5000);
  CHECK_FALSE(reader.next());
}

TEST_CASE("a kind of frame that there is not is refused") {
  const wire::Bytes bytes{0, 0, 0, 0, 12};
  wire::FrameReader reader;
  reader.put(bytes.data(), bytes.size());
  CHECK_THROWS_WITH_AS(reader.next(), "byte 0 of the connection: there is no frame of kind 12",
                       wire::WireError);
}

TEST_CASE("numbers of a frame: those that are there, and neither fewer nor more") {
  Frame frame{Kind::credit, {}};
  wire::append_number(frame.bytes, std::uint32_t{0x01020304});
  wire::append_number(frame.bytes, std::uint64_t{0x05060708090a0b0c});
  CHECK(frame.bytes == wire::Bytes{4, 3, 2, 1, 12, 11, 10, 9, 8, 7, 6, 5});
  wire::FrameNumbers numbers(frame);
  CHECK(numbers.u32() == 0x01020304);
  CHECK_THROWS_WITH(numbers.end(), "byte 4 of a frame (credit): 8 more than are expected");
  CHECK(numbers.u64() == 0x05060708090a0b0c);
  CHECK_NOTHROW(numbers.end());
  CHECK_THROWS_WITH(numbers.u32(), "byte 12 of a frame (credit): 4 more are expected, there are 0");
}

TEST_CASE("random bytes are frames or an error, and take no memory that did not come") {
  base::Stream stream({1, base::purpose("test.wire"), 0, 0});
  for (int i = 0; i < 3000; ++i) {
    wire::FrameReader reader;
    try {
      for (int piece = 0; piece < 6; ++piece) {
        wire::Bytes bytes(stream.below(40));
        for (auto& byte : bytes)
          byte = static_cast<std::uint8_t>(stream.below(stream.below(2) > 0 ? 12 : 256));
        reader.put(bytes.data(), bytes.size());
        while (const auto frame = reader.next()) CHECK(frame->bytes.size() <= wire::most_before_proof);
      }
    } catch (const wire::WireError&) {
      // the only answer to bad input
    }
  }
}
