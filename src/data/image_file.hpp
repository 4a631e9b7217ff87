#pragma once
/// One JPEG or PNG file as pixels.
#include <cstdint>
#include <string>
#include <vector>

namespace afu::data {

/// True for .jpg, .jpeg and .png in any case.
bool is_image_name(const std::string& file_name);

/// The image in C x H x W order, `channels` 1 (luma) or 3 (RGB), resized to `side` x `side` where it has
/// another size (the aspect ratio is not kept). Throws DataError, which names the file.
std::vector<std::uint8_t> read_image(const std::string& path, std::int64_t channels, std::int64_t side);

/// Resizes one plane: bilinear when it grows, and with the filter widened by the scale, so that every source
/// pixel counts, when it shrinks.
std::vector<std::uint8_t> resize_plane(const std::vector<std::uint8_t>& plane, std::int64_t height,
                                       std::int64_t width, std::int64_t new_height, std::int64_t new_width);

}  // namespace afu::data
