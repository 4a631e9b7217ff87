#include "data/exif.hpp"

#include <fmt/format.h>

namespace afu::data {

namespace {

constexpr std::uint32_t orientation_tag = 0x0112, type_short = 3;
constexpr std::size_t entry_bytes = 12;

/// Reads numbers in the block's byte order; what lies outside the block is 0 and marks it as cut.
class Block {
 public:
  Block(const std::uint8_t* bytes, std::size_t size) : bytes_(bytes), size_(size) {}

  bool start() {
    little_ = size_ >= 2 && bytes_[0] == 'I' && bytes_[1] == 'I';
    const bool big = size_ >= 2 && bytes_[0] == 'M' && bytes_[1] == 'M';
    return (little_ || big) && number(2, 2) == 42;
  }
  std::uint32_t number(std::size_t at, std::size_t bytes) {
    if (at > size_ || bytes > size_ - at) {
      cut_ = true;
      return 0;
    }
    std::uint32_t v = 0;
    for (std::size_t i = 0; i < bytes; ++i) v = v << 8 | bytes_[at + (little_ ? bytes - 1 - i : i)];
    return v;
  }
  bool cut() const { return cut_; }

 private:
  const std::uint8_t* bytes_;
  std::size_t size_;
  bool little_ = false, cut_ = false;
};

}  // namespace

Orientation exif_orientation(const std::uint8_t* bytes, std::size_t size) {
  Block block(bytes, size);
  if (!block.start()) return {1, "its EXIF block is damaged"};
  const std::size_t directory = block.number(4, 4);
  const auto entries = block.number(directory, 2);
  for (std::uint32_t e = 0; e < entries && !block.cut(); ++e) {
    const auto at = directory + 2 + e * entry_bytes;
    if (block.number(at, 2) != orientation_tag) continue;
    const auto type = block.number(at + 2, 2), count = block.number(at + 4, 4),
               value = block.number(at + 8, 2);
    if (block.cut()) break;
    if (type != type_short || count != 1) return {1, "its EXIF orientation has the wrong type"};
    if (value == 0) return {};  // written by devices that do not know
    if (value > 8) return {1, fmt::format("its EXIF orientation is {}, allowed 1 to 8", value)};
    return {static_cast<int>(value), {}};
  }
  if (block.cut()) return {1, "its EXIF block is damaged"};
  return {};
}

}  // namespace afu::data
