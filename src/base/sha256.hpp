#pragma once
/// SHA-256, piece by piece.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace afu::base {

/// Throws std::runtime_error where OpenSSL does not offer SHA-256.
class Sha256 {
 public:
  static constexpr std::size_t size = 32;
  Sha256();
  ~Sha256();
  void update(const void* data, std::size_t bytes);
  /// Ends it: nothing may be added any more.
  std::array<std::uint8_t, size> finish();
  std::string hex();  ///< finish(), as 64 lower-case digits

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace afu::base
