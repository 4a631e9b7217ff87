#include <fmt/format.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "data/decoders.hpp"

namespace afu::data {

void check_image_size(std::int64_t height, std::int64_t width) {
  if (height < 1 || width < 1) throw std::runtime_error(fmt::format("{} x {} pixels", width, height));
  if (height > max_image_side || width > max_image_side || height * width > max_image_pixels)
    throw std::runtime_error(fmt::format("{} x {} pixels, allowed at most {} a side and {} in all", width,
                                         height, max_image_side, max_image_pixels));
}

namespace {

constexpr std::size_t file_header_bytes = 14, least_header_bytes = 40;

std::uint32_t number(const std::uint8_t* bytes, std::size_t count) {
  std::uint32_t v = 0;
  for (std::size_t i = count; i-- > 0;) v = v << 8 | bytes[i];
  return v;
}

/// What the headers say.
struct Bmp {
  std::int64_t height = 0, width = 0;
  bool top_down = false;
  std::uint32_t bits = 0;
  std::size_t pixels_at = 0, stride = 0;
  std::vector<std::array<std::uint8_t, 3>> palette;  ///< red, green, blue
};

Bmp read_headers(const std::uint8_t* bytes, std::size_t size) {
  if (size < file_header_bytes + least_header_bytes) throw std::runtime_error("the file ends too early");
  const auto* info = bytes + file_header_bytes;
  const std::size_t header = number(info, 4);
  if (header < least_header_bytes || header > size - file_header_bytes)
    throw std::runtime_error(fmt::format("its BMP header has {} bytes", header));
  Bmp b;
  b.pixels_at = number(bytes + 10, 4);
  b.width = static_cast<std::int32_t>(number(info + 4, 4));
  b.height = static_cast<std::int32_t>(number(info + 8, 4));
  b.top_down = b.height < 0;
  if (b.top_down) b.height = -b.height;
  check_image_size(b.height, b.width);
  b.bits = number(info + 14, 2);
  const auto compression = number(info + 16, 4);
  if (compression != 0)
    throw std::runtime_error(fmt::format("BMP compression {}, allowed is none", compression));
  if (b.bits != 1 && b.bits != 4 && b.bits != 8 && b.bits != 24 && b.bits != 32)
    throw std::runtime_error(fmt::format("{} bits a pixel, allowed are 1, 4, 8, 24 and 32", b.bits));
  b.stride = static_cast<std::size_t>((b.width * b.bits + 31) / 32 * 4);
  if (b.bits <= 8) {
    std::size_t colours = number(info + 32, 4);
    if (colours == 0) colours = std::size_t{1} << b.bits;
    const auto at = file_header_bytes + header;
    if (colours > std::size_t{1} << b.bits || 4 * colours > size - at)
      throw std::runtime_error(fmt::format("a palette of {} colours", colours));
    for (std::size_t c = 0; c < colours; ++c) {
      const auto* entry = bytes + at + 4 * c;
      b.palette.push_back({entry[2], entry[1], entry[0]});
    }
  }
  const auto needed = b.stride * static_cast<std::size_t>(b.height);
  if (b.pixels_at > size || needed > size - b.pixels_at) throw std::runtime_error("the file ends too early");
  return b;
}

}  // namespace

bool is_bmp(const std::uint8_t* bytes, std::size_t size) {
  return size >= file_header_bytes + 4 && std::memcmp(bytes, "BM", 2) == 0 && number(bytes + 14, 4) >= 12 &&
         number(bytes + 14, 4) <= 124;
}

Decoded decode_bmp(const std::uint8_t* bytes, std::size_t size) {
  const auto b = read_headers(bytes, size);
  Decoded out;
  out.height = b.height;
  out.width = b.width;
  for (const auto& c : b.palette) out.colour = out.colour || c[0] != c[1] || c[1] != c[2];
  out.colour = out.colour || b.bits > 8;
  out.channels = out.colour ? 3 : 1;
  out.pixels.reserve(static_cast<std::size_t>(b.height * b.width * out.channels));
  for (std::int64_t y = 0; y < b.height; ++y) {
    const auto* row =
        bytes + b.pixels_at + b.stride * static_cast<std::size_t>(b.top_down ? y : b.height - 1 - y);
    for (std::int64_t x = 0; x < b.width; ++x) {
      if (b.bits > 8) {
        const auto* pixel = row + x * (b.bits / 8);
        out.pixels.insert(out.pixels.end(), {pixel[2], pixel[1], pixel[0]});
        continue;
      }
      const auto bit = static_cast<std::size_t>(x) * b.bits;
      const std::size_t colour = row[bit / 8] >> (8 - b.bits - bit % 8) & ((1u << b.bits) - 1);
      if (colour >= b.palette.size())
        throw std::runtime_error(fmt::format("colour {} of {}", colour, b.palette.size()));
      const auto& c = b.palette[colour];
      out.pixels.insert(out.pixels.end(), c.begin(), c.begin() + out.channels);
    }
  }
  return out;
}

}  // namespace afu::data
