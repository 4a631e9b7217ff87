#include "data/image_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "data/dataset.hpp"
#include "data/decoders.hpp"
#include "data/input_file.hpp"
#include "data/intensity.hpp"
#include "data/slices.hpp"

namespace afu::data {

namespace {

// A file of the most samples that are allowed has less.
constexpr std::uint64_t max_file_bytes = std::uint64_t{1} << 30;
constexpr std::size_t head_bytes = 560;  ///< of NIfTI-2's header, which is the longest

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
      {0, "GIF8", 4, "GIF"},       {0, "\x1f\x8b", 2, "gzip"},
      {4, "jP  ", 4, "JPEG 2000"}, {4, "ftyp", 4, "HEIF or a video"},
      {0, "NRRD", 4, "NRRD"},      {0, "P5", 2, "PGM"},
      {0, "P6", 2, "PPM"},
  };
  if (size == 0) return "it is empty";
  for (const auto& m : marks)
    if (size >= m.at + m.length && std::memcmp(bytes + m.at, m.text, m.length) == 0)
      return fmt::format("by its first bytes it is {}", m.format);
  return "its first bytes are those of no format that is read";
}

template <class List>
bool has_ending(const std::string& file_name, const List& ends) {
  const auto name = lower(file_name);
  return std::any_of(ends.begin(), ends.end(), [&](const char* end) { return ends_with(name, end); });
}

/// Of a single image: nothing has to be looked at before it is read.
constexpr std::array plain_names{".jfif", ".jpe",  ".jpeg", ".jpg", ".png",
                                 ".tif",  ".tiff", ".bmp",  ".dib", ".webp"};
constexpr std::array image_names{".jfif", ".jpe",  ".jpeg", ".jpg",   ".png", ".tif", ".tiff",   ".bmp",
                                 ".dib",  ".webp", ".dcm",  ".dicom", ".ima", ".nii", ".nii.gz", ".hdr"};

enum class Kind { unknown, jpeg, png, tiff, bmp, webp, dicom, nifti };

Kind kind_of(const std::uint8_t* bytes, std::size_t size, const std::string& name) {
  static constexpr std::array dicom_names{".dcm", ".dicom", ".ima"};
  static constexpr std::array packed_names{".nii.gz", ".hdr.gz", ".img.gz"};
  if (is_jpeg(bytes, size)) return Kind::jpeg;
  if (is_png(bytes, size)) return Kind::png;
  if (is_webp(bytes, size)) return Kind::webp;
  if (is_dicom(bytes, size)) return Kind::dicom;
  if (is_nifti(bytes, size)) return Kind::nifti;
  if (is_tiff(bytes, size)) return Kind::tiff;
  if (is_bmp(bytes, size)) return Kind::bmp;
  if (size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b && has_ending(name, packed_names)) return Kind::nifti;
  if (is_second_file(name)) return Kind::nifti;
  if (size > 0 && has_ending(name, dicom_names)) return Kind::dicom;
  return Kind::unknown;
}

Kind kind_of(const std::string& path) {
  const auto head = read_head(path, head_bytes);
  return kind_of(head.data(), head.size(), path);
}

Decoded decode_one(Kind kind, const std::uint8_t* bytes, std::size_t size, std::int64_t channels) {
  switch (kind) {
    case Kind::jpeg:
      return decode_jpeg(bytes, size, channels == 1);
    case Kind::png:
      return decode_png(bytes, size);
    case Kind::tiff:
      return decode_tiff(bytes, size);
    case Kind::bmp:
      return decode_bmp(bytes, size);
    case Kind::webp:
      return decode_webp(bytes, size);
    case Kind::dicom:
    case Kind::nifti:
      throw std::runtime_error("DICOM and NIfTI are read from files only");
    case Kind::unknown:
      break;
  }
  throw std::runtime_error(guess_format(bytes, size));
}

/// What `read` gives; what it throws names the file.
template <class Read>
auto reading(const std::string& path, const Read& read) {
  try {
    return read();
  } catch (const DataError&) {
    throw;  // of the file itself
  } catch (const std::runtime_error& e) {
    throw DataError(fmt::format("{}: not a readable image: {}", path, e.what()));
  }
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

Image image_of(Decoded decoded, const ReadAs& as) {
  Image out;
  out.mapped = static_cast<std::int64_t>(decoded.wide.size());
  out.clipped = to_eight_bits(decoded, as.intensity);
  const auto image = upright(std::move(decoded));
  out.height = image.height;
  out.width = image.width;
  out.colour = image.colour;
  out.turned = image.orientation.value != 1;
  out.warning = image.warning.empty() ? image.orientation.doubt : image.warning;
  const auto planes = image.channels == 1 ? 1 : as.channels;
  for (std::int64_t c = 0; c < planes; ++c) {
    const auto plane =
        resize_plane(plane_of(image, c, as.channels), image.height, image.width, as.side, as.side);
    out.pixels.insert(out.pixels.end(), plane.begin(), plane.end());
  }
  const auto one = out.pixels;
  for (auto c = planes; c < as.channels; ++c) out.pixels.insert(out.pixels.end(), one.begin(), one.end());
  return out;
}

/// One volume of the slices, which stand in their order: made 8-bit and resized one by one, then along their axis.
Image volume_of(std::vector<Decoded> decoded, const ReadAs& as) {
  const auto slices = static_cast<std::int64_t>(decoded.size());
  if (slices < 2)
    throw std::runtime_error(fmt::format(
        "a single slice, but data.depth = {} asks for volumes (data.slices.first, last)", as.depth));
  Image volume;
  std::vector<std::vector<std::uint8_t>> channels(static_cast<std::size_t>(as.channels));
  for (auto& d : decoded) {
    auto one = image_of(std::move(d), as);
    const auto plane = static_cast<std::ptrdiff_t>(as.side * as.side);
    for (std::size_t c = 0; c < channels.size(); ++c) {
      const auto from = one.pixels.begin() + static_cast<std::ptrdiff_t>(c) * plane;
      channels[c].insert(channels[c].end(), from, from + plane);
    }
    volume.height = one.height;
    volume.width = one.width;
    volume.colour = one.colour;
    volume.turned = volume.turned || one.turned;
    volume.mapped += one.mapped;
    volume.clipped += one.clipped;
    if (volume.warning.empty()) volume.warning = std::move(one.warning);
  }
  volume.slices = slices;
  for (const auto& channel : channels) {
    const auto resized = resize_slices(channel, slices, as.depth);
    volume.pixels.insert(volume.pixels.end(), resized.begin(), resized.end());
  }
  return volume;
}

std::vector<Image> images_of(std::vector<Decoded> decoded, const ReadAs& as) {
  std::vector<Image> images;
  if (as.depth > 1) {
    images.push_back(volume_of(std::move(decoded), as));
    return images;
  }
  for (auto& d : decoded) images.push_back(image_of(std::move(d), as));
  return images;
}

/// Of a file of one image.
void require_image(bool volume) {
  if (volume)
    throw std::runtime_error(
        "it is a single image, but data.depth asks for volumes: NIfTI, ANALYZE or DICOM of "
        "several frames");
}

/// Of a volume: all that its range has.
config::SlicesSection slices_of(const ReadAs& as) {
  auto slices = as.slices;
  if (as.depth > 1) slices.count = 0;
  return slices;
}

}  // namespace

bool is_image_name(const std::string& file_name) { return has_ending(file_name, image_names); }

bool is_other_image_name(const std::string& file_name) {
  static constexpr std::array names{".avif", ".exr", ".gif",  ".heic", ".heif", ".j2c", ".j2k",
                                    ".jls",  ".jp2", ".jpx",  ".jxl",  ".mha",  ".mhd", ".mrxs",
                                    ".ndpi", ".npy", ".nrrd", ".pbm",  ".pgm",  ".pic", ".pnm",
                                    ".ppm",  ".psd", ".raw",  ".scn",  ".svs",  ".tga"};
  return has_ending(file_name, names);
}

bool is_second_file(const std::string& file_name) {
  static constexpr std::array names{".img", ".img.gz"};
  return has_ending(file_name, names);
}

std::vector<Image> read_images(const std::string& path, const ReadAs& as) {
  const auto kind = kind_of(path);
  return reading(path, [&] {
    if (kind == Kind::nifti) return images_of(decode_nifti(path, slices_of(as)), as);
    if (kind == Kind::dicom) return images_of(decode_dicom(path, slices_of(as)), as);
    require_image(as.depth > 1 && kind != Kind::unknown);
    const auto file = read_regular_file(path, max_file_bytes);
    std::vector<Image> one;
    one.push_back(image_of(decode_one(kind, file.data(), file.size(), as.channels), as));
    return one;
  });
}

ImageLook look_at_image(const std::string& path, const config::SlicesSection& slices, bool volume) {
  if (!volume && has_ending(path, plain_names)) return {};
  const auto kind = kind_of(path);
  return reading(path, [&] {
    ImageLook look;
    const auto count = [&](std::int64_t extent) -> std::int64_t {
      if (!volume) return static_cast<std::int64_t>(chosen_slices(extent, slices).size());
      require_image(extent == 1);
      return 1;
    };
    if (kind != Kind::nifti && kind != Kind::dicom && kind != Kind::unknown) require_image(volume);
    if (kind == Kind::nifti) look.images = count(look_at_nifti(path, slices.axis));
    if (kind == Kind::dicom) {
      auto header = look_at_dicom(path);
      look.images = count(header.frames);
      look.patient = std::move(header.patient);
    }
    return look;
  });
}

Image read_image_bytes(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                       std::int64_t channels, std::int64_t side) {
  return reading(name, [&] {
    const ReadAs as{channels, side, {}, {}};
    return image_of(decode_one(kind_of(bytes, size, name), bytes, size, channels), as);
  });
}

Image read_image(const std::string& path, std::int64_t channels, std::int64_t side) {
  return std::move(read_images(path, {channels, side, {}, {}}).front());
}

}  // namespace afu::data
