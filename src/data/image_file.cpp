#include "data/image_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "data/dataset.hpp"
#include "data/decoders.hpp"
#include "data/input_file.hpp"

namespace afu::data {

namespace {

/// The weights of the source pixels that one destination pixel is made of, along one axis.
struct Taps {
  std::int64_t first = 0;
  std::vector<float> weights;
};

std::vector<Taps> make_taps(std::int64_t from, std::int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double support = std::max(1.0, scale);
  std::vector<Taps> taps(static_cast<std::size_t>(to));
  for (std::int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale - 0.5;
    auto& t = taps[static_cast<std::size_t>(i)];
    t.first = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil(centre - support)));
    const auto last = std::min(from - 1, static_cast<std::int64_t>(std::floor(centre + support)));
    double sum = 0;
    for (auto k = t.first; k <= last; ++k) {
      const double w = std::max(0.0, 1.0 - std::abs(static_cast<double>(k) - centre) / support);
      t.weights.push_back(static_cast<float>(w));
      sum += w;
    }
    for (auto& w : t.weights) w = static_cast<float>(w / sum);
  }
  return taps;
}

// A JPEG or PNG of the most pixels that are allowed has less.
constexpr std::uint64_t max_file_bytes = std::uint64_t{1} << 28;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool ends_with(const std::string& text, const char* end) {
  const auto n = std::strlen(end);
  return text.size() >= n && text.compare(text.size() - n, n, end) == 0;
}

/// What a file is by its first bytes, for the message that refuses it.
std::string guess_format(const std::uint8_t* bytes, std::size_t size) {
  struct Mark {
    std::size_t at;
    const char* text;
    std::size_t length;
    const char* format;
  };
  static const Mark marks[] = {
      {0, "BM", 2, "BMP"},        {0, "GIF8", 4, "GIF"},       {0, "II*\0", 4, "TIFF"},
      {0, "MM\0*", 4, "TIFF"},    {8, "WEBP", 4, "WebP"},      {128, "DICM", 4, "DICOM"},
      {0, "\x1f\x8b", 2, "gzip"}, {4, "jP  ", 4, "JPEG 2000"}, {4, "ftyp", 4, "HEIF or a video"},
      {344, "n+1\0", 4, "NIfTI"},
  };
  if (size == 0) return "it is empty";
  for (const auto& m : marks)
    if (size >= m.at + m.length && std::memcmp(bytes + m.at, m.text, m.length) == 0)
      return fmt::format("by its first bytes it is {}", m.format);
  return "its first bytes are those of neither";
}

/// The image as it is to be seen: EXIF's orientations 2 to 8 undone.
Decoded upright(Decoded from) {
  const auto o = from.orientation.value;
  if (o == 1) return from;
  Decoded to;
  to.channels = from.channels;
  to.colour = from.colour;
  to.orientation = from.orientation;
  to.warning = std::move(from.warning);
  const bool exchanged = o >= 5;
  to.height = exchanged ? from.width : from.height;
  to.width = exchanged ? from.height : from.width;
  to.pixels.resize(from.pixels.size());
  const bool last_row_first = o == 3 || o == 4 || o == 6 || o == 7;
  const bool last_column_first = o == 2 || o == 3 || o == 7 || o == 8;
  auto* out = to.pixels.data();
  for (std::int64_t y = 0; y < to.height; ++y)
    for (std::int64_t x = 0; x < to.width; ++x) {
      auto row = exchanged ? x : y, column = exchanged ? y : x;
      if (last_row_first) row = from.height - 1 - row;
      if (last_column_first) column = from.width - 1 - column;
      const auto* pixel = from.pixels.data() + (row * from.width + column) * from.channels;
      out = std::copy_n(pixel, from.channels, out);
    }
  return to;
}

/// Plane `c` of `channels` of the image: luma as in ITU-R BT.601, in 8-bit weights.
std::vector<std::uint8_t> plane_of(const Decoded& image, std::int64_t c, std::int64_t channels) {
  if (image.channels == 1) return image.pixels;
  std::vector<std::uint8_t> plane(static_cast<std::size_t>(image.height * image.width));
  const auto* p = image.pixels.data();
  for (auto& v : plane) {
    v = channels == 1 ? static_cast<std::uint8_t>((77 * p[0] + 150 * p[1] + 29 * p[2]) >> 8) : p[c];
    p += 3;
  }
  return plane;
}

}  // namespace

bool is_image_name(const std::string& file_name) {
  const auto name = lower(file_name);
  static const std::array ends{".jfif", ".jpe", ".jpeg", ".jpg", ".png"};
  return std::any_of(ends.begin(), ends.end(), [&](const char* end) { return ends_with(name, end); });
}

bool is_other_image_name(const std::string& file_name) {
  const auto name = lower(file_name);
  const auto is = [&](const char* end) { return ends_with(name, end); };
  static const std::array others{".avif", ".bmp", ".dcm", ".dicom", ".dib",  ".exr",    ".gif", ".heic",
                                 ".heif", ".hdr", ".ima", ".j2c",   ".j2k",  ".jls",    ".jp2", ".jpx",
                                 ".jxl",  ".mha", ".mhd", ".mrxs",  ".ndpi", ".nii",    ".npy", ".nrrd",
                                 ".pbm",  ".pgm", ".pic", ".pnm",   ".ppm",  ".nii.gz", ".psd", ".raw",
                                 ".svs",  ".tga", ".tif", ".scn",   ".tiff", ".webp"};
  return std::any_of(others.begin(), others.end(), is);
}

std::vector<std::uint8_t> resize_plane(const std::vector<std::uint8_t>& plane, std::int64_t height,
                                       std::int64_t width, std::int64_t new_height, std::int64_t new_width) {
  if (height == new_height && width == new_width) return plane;
  const auto columns = make_taps(width, new_width), rows = make_taps(height, new_height);
  std::vector<float> narrow(static_cast<std::size_t>(height * new_width));
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < new_width; ++x) {
      const auto& t = columns[static_cast<std::size_t>(x)];
      const auto* from = plane.data() + y * width + t.first;
      float sum = 0;
      for (std::size_t k = 0; k < t.weights.size(); ++k) sum += t.weights[k] * static_cast<float>(from[k]);
      narrow[static_cast<std::size_t>(y * new_width + x)] = sum;
    }
  std::vector<std::uint8_t> out(static_cast<std::size_t>(new_height * new_width));
  for (std::int64_t y = 0; y < new_height; ++y) {
    const auto& t = rows[static_cast<std::size_t>(y)];
    for (std::int64_t x = 0; x < new_width; ++x) {
      const auto* from = narrow.data() + t.first * new_width + x;
      float sum = 0;
      for (std::size_t k = 0; k < t.weights.size(); ++k)
        sum += t.weights[k] * from[static_cast<std::int64_t>(k) * new_width];
      out[static_cast<std::size_t>(y * new_width + x)] =
          static_cast<std::uint8_t>(std::clamp(std::lround(sum), 0l, 255l));
    }
  }
  return out;
}

Image read_image_bytes(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                       std::int64_t channels, std::int64_t side) {
  Decoded decoded;
  try {
    if (is_jpeg(bytes, size))
      decoded = decode_jpeg(bytes, size, channels == 1);
    else if (is_png(bytes, size))
      decoded = decode_png(bytes, size);
    else
      throw std::runtime_error(guess_format(bytes, size));
  } catch (const std::runtime_error& e) {
    throw DataError(fmt::format("{}: not a readable JPEG or PNG image: {}", name, e.what()));
  }
  const auto image = upright(std::move(decoded));

  Image out;
  out.height = image.height;
  out.width = image.width;
  out.colour = image.colour;
  out.turned = image.orientation.value != 1;
  out.warning = image.warning.empty() ? image.orientation.doubt : image.warning;
  const auto planes = image.channels == 1 ? 1 : channels;
  for (std::int64_t c = 0; c < planes; ++c) {
    const auto plane = resize_plane(plane_of(image, c, channels), image.height, image.width, side, side);
    out.pixels.insert(out.pixels.end(), plane.begin(), plane.end());
  }
  const auto one = out.pixels;
  for (auto c = planes; c < channels; ++c) out.pixels.insert(out.pixels.end(), one.begin(), one.end());
  return out;
}

Image read_image(const std::string& path, std::int64_t channels, std::int64_t side) {
  const auto file = read_regular_file(path, max_file_bytes);
  return read_image_bytes(file.data(), file.size(), path, channels, side);
}

}  // namespace afu::data
