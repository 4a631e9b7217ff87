#pragma once
/// JPEG by libjpeg-turbo and PNG by libpng, held to limits: the bytes come from outside.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "data/exif.hpp"

namespace afu::data {

/// An image as it is stored: not turned, not resized.
struct Decoded {
  std::int64_t height = 0, width = 0;
  int channels = 1;                  ///< 1 grey, 3 red, green, blue
  bool colour = false;               ///< stored in colour; `channels` may be 1 all the same
  std::vector<std::uint8_t> pixels;  ///< height x width x channels
  Orientation orientation;
  std::string warning;  ///< what the decoder found odd and passed over; empty: nothing
};

/// The most that one image may have. A file of a few bytes can claim more.
constexpr std::int64_t max_image_side = 16384, max_image_pixels = std::int64_t{1} << 26;

bool is_jpeg(const std::uint8_t* bytes, std::size_t size);
bool is_png(const std::uint8_t* bytes, std::size_t size);

/// `grey`: a JPEG that holds a luma plane gives that alone. Throws std::runtime_error with the reason where
/// the file is damaged or ends early (what a decoder would fill up is refused), exceeds the limits, or has
/// pixels that 8 bits of grey or RGB do not hold: CMYK, more than 8 bits a sample (16-bit PNG whose samples
/// are all 8-bit ones repeated is read), transparency.
Decoded decode_jpeg(const std::uint8_t* bytes, std::size_t size, bool grey);
Decoded decode_png(const std::uint8_t* bytes, std::size_t size);

}  // namespace afu::data
