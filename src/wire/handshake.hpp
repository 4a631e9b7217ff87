#pragma once
/// How a run and a node come to trust each other. Each sends its greeting first: "AFUNODE\n", the protocol's version (u32) and a
/// nonce (32 bytes). Then the run proves that it knows the token, and after it the node: so a node does no work for a stranger, and a
/// run takes no results from one.
#include <cstdint>
#include <optional>
#include <string>

#include "wire/frame.hpp"
#include "wire/token.hpp"

namespace afu::wire {

inline constexpr std::uint32_t protocol_version = 1;

class Handshake {
 public:
  Handshake(Role role, Token token, const Nonce& nonce = fresh_nonce())
      : role_(role), token_(std::move(token)), own_(nonce) {}

  Frame greeting() const;
  /// The peer's next frame; what is to be sent in return, where anything is. Throws WireError that says why the handshake has failed:
  /// the peer is no afu, speaks another version, has another token, refuses, or sent something else.
  std::optional<Frame> take(const Frame& frame);
  /// Both have proved it.
  bool complete() const { return state_ == State::complete; }

 private:
  enum class State { greeting, proof, complete };
  void take_greeting(const Frame& frame);
  void take_proof(const Frame& frame) const;
  Frame proof() const;

  Role role_;
  Token token_;
  Nonce own_, peer_{};
  State state_ = State::greeting;
};

/// A refusal that can be sent to whoever it may be: shortened to what a peer takes before its proof.
Frame refusal(const std::string& why);
/// Its text, for a message: without control characters.
std::string text_of_refusal(const Frame& frame);

}  // namespace afu::wire
