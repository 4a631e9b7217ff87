#pragma once
/// One JPEG or PNG file as pixels.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace afu::data {

/// True for .jpg, .jpeg, .png, and JPEG's rarer .jpe and .jfif, in any case.
bool is_image_name(const std::string& file_name);
/// True for the names of other images that are common in medicine: .dcm, .tif, .bmp, .nii.gz, ...
bool is_other_image_name(const std::string& file_name);

/// What a file became, and what was done to it on the way.
struct Image {
  std::vector<std::uint8_t> pixels;     ///< C x H x W
  std::int64_t height = 0, width = 0;   ///< upright, before the resizing
  bool colour = false, turned = false;  ///< stored in colour; turned upright as its EXIF orientation says
  std::string warning;                  ///< what the file had wrong that its pixels did not need
};

/// The image upright, `channels` 1 (luma) or 3 (RGB), resized to `side` x `side` where it has another size
/// (the aspect ratio is not kept). The content decides the format, not the name. Throws DataError, which
/// names the file: see decoders.hpp for what is refused.
Image read_image(const std::string& path, std::int64_t channels, std::int64_t side);
/// The same from memory; `name` stands for the file in messages.
Image read_image_bytes(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                       std::int64_t channels, std::int64_t side);

/// Resizes one plane: bilinear when it grows, and with the filter widened by the scale, so that every source
/// pixel counts, when it shrinks.
std::vector<std::uint8_t> resize_plane(const std::vector<std::uint8_t>& plane, std::int64_t height,
                                       std::int64_t width, std::int64_t new_height, std::int64_t new_width);

}  // namespace afu::data
