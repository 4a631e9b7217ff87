#pragma once
/// The secret that a run and its nodes share, and how each proves to the other that it knows it. It never travels.
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/sha256.hpp"

namespace afu::wire {

/// A number that was never used before, of the system's random source.
using Nonce = std::array<std::uint8_t, 32>;
/// Throws std::runtime_error where the system has none.
Nonce fresh_nonce();

using Proof = std::array<std::uint8_t, base::Sha256::size>;
/// In a time that does not depend on what they are.
bool same(const Proof& a, const Proof& b);

/// Who gives a proof: so that nobody can hand back the one that it was given.
enum class Role { run, node };

class Token {
 public:
  /// Of a node that listens on this machine alone, and of a run that asks such nodes.
  Token() = default;
  explicit Token(std::string secret) : secret_(std::move(secret)) {}
  /// The file's bytes without white space at their end. Throws InputError, naming the file: it cannot be read, is no regular file,
  /// others than its owner may read or write it, or it holds fewer than 16 bytes or more than 4096.
  static Token read(const std::filesystem::path& file);

  bool empty() const { return secret_.empty(); }
  /// HMAC-SHA-256 (RFC 2104) by the token over the role and both nonces.
  Proof proof(Role role, const Nonce& of_run, const Nonce& of_node) const;

 private:
  std::string secret_;
};

/// RFC 2104 with SHA-256.
Proof hmac_sha256(const std::string& key, const std::string& text);

}  // namespace afu::wire
