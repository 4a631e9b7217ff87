#include "wire/handshake.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace afu::wire {
namespace {

constexpr std::string_view magic = "AFUNODE\n";

}  // namespace

Frame Handshake::greeting() const {
  Frame frame{Kind::greeting, Bytes(magic.begin(), magic.end())};
  append_number(frame.bytes, protocol_version);
  frame.bytes.insert(frame.bytes.end(), own_.begin(), own_.end());
  return frame;
}

void Handshake::take_greeting(const Frame& frame) {
  FrameNumbers numbers(frame);
  const auto* found = numbers.bytes(magic.size());
  if (!std::equal(magic.begin(), magic.end(), found))
    throw WireError("the peer is no afu: its greeting is another");
  // Before all else, since what follows may be another thing in another version.
  if (const auto version = numbers.u32(); version != protocol_version)
    throw WireError(fmt::format("the peer speaks version {} of the protocol, this afu version {}", version,
                                protocol_version));
  const auto* nonce = numbers.bytes(peer_.size());
  std::copy(nonce, nonce + peer_.size(), peer_.begin());
  numbers.end();
}

void Handshake::take_proof(const Frame& frame) const {
  FrameNumbers numbers(frame);
  Proof given{};
  const auto* bytes = numbers.bytes(given.size());
  std::copy(bytes, bytes + given.size(), given.begin());
  numbers.end();
  const bool of_run = role_ == Role::run;
  const auto wanted =
      token_.proof(of_run ? Role::node : Role::run, of_run ? own_ : peer_, of_run ? peer_ : own_);
  if (!same(given, wanted))
    throw WireError(fmt::format("the {} has another token, or one of the two has none (--token-file)",
                                of_run ? "node" : "run"));
}

Frame Handshake::proof() const {
  const bool of_run = role_ == Role::run;
  const auto own = token_.proof(role_, of_run ? own_ : peer_, of_run ? peer_ : own_);
  return {Kind::proof, Bytes(own.begin(), own.end())};
}

std::optional<Frame> Handshake::take(const Frame& frame) {
  if (frame.kind == Kind::refusal) throw WireError("the peer refuses: " + text_of_refusal(frame));
  const auto expected = state_ == State::greeting ? Kind::greeting : Kind::proof;
  if (complete() || frame.kind != expected)
    throw WireError(
        fmt::format("a frame ({}) where a {} is expected", to_text(frame.kind), to_text(expected)));
  if (state_ == State::greeting) {
    take_greeting(frame);
    state_ = State::proof;
    return role_ == Role::run ? std::optional(proof()) : std::nullopt;
  }
  take_proof(frame);
  state_ = State::complete;
  return role_ == Role::node ? std::optional(proof()) : std::nullopt;
}

Frame refusal(const std::string& why) {
  const auto end = why.begin() + static_cast<std::ptrdiff_t>(std::min(why.size(), most_before_proof));
  return {Kind::refusal, Bytes(why.begin(), end)};
}

std::string text_of_refusal(const Frame& frame) {
  std::string text(frame.bytes.begin(), frame.bytes.end());
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

}  // namespace afu::wire
