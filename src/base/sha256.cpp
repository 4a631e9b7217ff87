#include "base/sha256.hpp"

#include <openssl/evp.h>

#include <stdexcept>

namespace afu::base {

namespace {

void check(bool ok) {
  if (!ok) throw std::runtime_error("SHA-256 is not available in this OpenSSL");
}

}  // namespace

struct Sha256::Context {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> of{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  check(context_->of != nullptr && EVP_DigestInit_ex(context_->of.get(), EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() = default;

void Sha256::update(const void* data, std::size_t bytes) {
  if (bytes > 0) check(EVP_DigestUpdate(context_->of.get(), data, bytes) == 1);
}

std::array<std::uint8_t, Sha256::size> Sha256::finish() {
  std::array<std::uint8_t, size> digest{};
  check(EVP_DigestFinal_ex(context_->of.get(), digest.data(), nullptr) == 1);
  return digest;
}

std::string Sha256::hex() {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (auto byte : finish()) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

}  // namespace afu::base
