#include "wire/token.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "base/input_error.hpp"

namespace afu::wire {
namespace {

constexpr std::size_t least_bytes = 16, most_bytes = 4096;

/// An open file, closed again.
class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& file)
      : number_(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

[[noreturn]] void fail(const std::filesystem::path& file, const std::string& why) {
  throw InputError(fmt::format("token file '{}': {}", file.string(), why));
}

std::string system_reason() { return std::generic_category().message(errno); }

}  // namespace

Nonce fresh_nonce() {
  Nonce nonce{};
  if (::getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size()))
    throw std::runtime_error("the system gives no random numbers: " + system_reason());
  return nonce;
}

bool same(const Proof& a, const Proof& b) {
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const volatile unsigned next =
        difference | (a[i] ^ unsigned{b[i]});  // no early end, whatever a compiler sees
    difference = next;
  }
  return difference == 0;
}

Token Token::read(const std::filesystem::path& file) {
  const Descriptor descriptor(file);
  if (descriptor.number() < 0) fail(file, system_reason());
  // Of the file that is open, so that nobody can put another one in its place meanwhile.
  struct stat status {};
  if (::fstat(descriptor.number(), &status) != 0) fail(file, system_reason());
  if (!S_ISREG(status.st_mode)) fail(file, "is no regular file");
  if (const unsigned mode = status.st_mode & 07777u; (mode & 077u) != 0)
    fail(file,
         fmt::format("has mode {:04o}, so others than its owner can get at it; allowed: 0600 (chmod 600)",
                     mode));
  std::array<char, most_bytes + 1> bytes{};
  std::size_t size = 0;
  while (size < bytes.size()) {
    const auto got = ::read(descriptor.number(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(file, system_reason());
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  std::string_view text(bytes.data(), size);
  text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);  // none: 0
  if (text.size() < least_bytes || size > most_bytes)
    fail(file, fmt::format("holds {} bytes, allowed: {} to {}, as from `openssl rand -hex 32`",
                           size > most_bytes ? "more than 4096" : std::to_string(text.size()), least_bytes,
                           most_bytes));
  return Token(std::string(text));
}

Proof hmac_sha256(const std::string& key, const std::string& text) {
  constexpr std::size_t block = 64;
  std::array<std::uint8_t, block> padded{};
  if (key.size() > block) {
    base::Sha256 shorter;
    shorter.update(key.data(), key.size());
    const auto sum = shorter.finish();
    std::copy(sum.begin(), sum.end(), padded.begin());
  } else {
    std::copy(key.begin(), key.end(), padded.begin());
  }
  const auto keyed = [&padded](std::uint8_t with, const void* data, std::size_t size) {
    auto first = padded;
    for (auto& byte : first) byte ^= with;
    base::Sha256 sum;
    sum.update(first.data(), first.size());
    sum.update(data, size);
    return sum.finish();
  };
  const auto inner = keyed(0x36, text.data(), text.size());
  return keyed(0x5c, inner.data(), inner.size());
}

Proof Token::proof(Role role, const Nonce& of_run, const Nonce& of_node) const {
  constexpr std::string_view run("afu run\0", 8), node("afu node\0", 9);
  std::string text(role == Role::run ? run : node);
  text.append(of_run.begin(), of_run.end());
  text.append(of_node.begin(), of_node.end());
  return hmac_sha256(secret_, text);
}

}  // namespace afu::wire
