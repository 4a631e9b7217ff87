#pragma once
/// A pickle's bytes, taken from front to end as Python's pickle language writes its operands.
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

namespace afu::model {

/// What would reach beyond the end throws std::runtime_error.
class PickleBytes {
 public:
  explicit PickleBytes(std::string_view bytes) : bytes_(bytes) {}

  std::size_t size() const { return bytes_.size(); }
  /// The next operation's code; its place is told by operation_at() from then on.
  unsigned char operation() {
    at_ = next_;
    return static_cast<unsigned char>(*raw(1));
  }
  std::size_t operation_at() const { return at_; }

  const char* raw(std::size_t n) {
    if (n > bytes_.size() - next_) throw std::runtime_error("ends too early");
    const char* p = bytes_.data() + next_;
    next_ += n;
    return p;
  }
  template <class T>
  T number() {
    T value;  // little-endian, as this machine is
    std::memcpy(&value, raw(sizeof value), sizeof value);
    return value;
  }
  std::string text(std::uint64_t n) {
    if (n > bytes_.size()) throw std::runtime_error("a text is longer than the file");
    const char* p = raw(static_cast<std::size_t>(n));
    return {p, static_cast<std::size_t>(n)};
  }
  /// Without its end.
  std::string line() {
    const auto end = bytes_.find('\n', next_);
    if (end == std::string_view::npos) throw std::runtime_error("ends within a name");
    auto found = std::string(bytes_.substr(next_, end - next_));
    next_ = end + 1;
    return found;
  }
  /// Of as many bytes as the first says, in two's complement.
  std::int64_t long_integer() {
    const auto n = number<std::uint8_t>();
    if (n > 8) throw std::runtime_error("an integer of more than 64 bits");
    std::uint64_t value = 0;
    const char* p = raw(n);
    std::memcpy(&value, p, n);
    if (n > 0 && n < 8 && (static_cast<unsigned char>(p[n - 1]) & 0x80) != 0)
      value |= ~std::uint64_t{0} << (8 * n);
    return static_cast<std::int64_t>(value);
  }
  double real() {
    std::uint64_t bits = 0;  // big-endian
    const char* p = raw(8);
    for (int i = 0; i < 8; ++i) bits = bits << 8 | static_cast<unsigned char>(p[i]);
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

 private:
  std::string_view bytes_;
  std::size_t next_ = 0, at_ = 0;
};

}  // namespace afu::model
