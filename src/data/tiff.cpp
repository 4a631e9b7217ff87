#include <fmt/format.h>
#include <tiffio.h>

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>

#include "data/decoders.hpp"

namespace afu::data {

namespace {

/// A file in memory, and what libtiff says of it.
struct Session {
  const std::uint8_t* bytes = nullptr;
  std::size_t size = 0, at = 0;
  std::string failure, warning;
};

Session& session(thandle_t handle) { return *static_cast<Session*>(handle); }

tmsize_t on_read(thandle_t handle, void* to, tmsize_t wanted) {
  auto& s = session(handle);
  const auto n =
      std::min(static_cast<std::size_t>(std::max<tmsize_t>(0, wanted)), s.size - std::min(s.at, s.size));
  if (n > 0) std::memcpy(to, s.bytes + s.at, n);
  s.at += n;
  return static_cast<tmsize_t>(n);
}
tmsize_t on_write(thandle_t, void*, tmsize_t) { return 0; }
toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
  auto& s = session(handle);
  const auto from = whence == SEEK_CUR ? s.at : whence == SEEK_END ? s.size : 0;
  s.at = static_cast<std::size_t>(from + offset);
  return s.at;
}
int on_close(thandle_t) { return 0; }
toff_t on_size(thandle_t handle) { return session(handle).size; }

std::string text_of(const char* module, const char* format, va_list values) {
  char text[200];
  std::vsnprintf(text, sizeof text, format, values);
  return module && *module ? fmt::format("{}: {}", module, text) : text;
}
int on_error(TIFF*, void* s, const char* module, const char* format, va_list values) {
  auto& first = static_cast<Session*>(s)->failure;
  if (first.empty()) first = text_of(module, format, values);
  return 1;
}
int on_warning(TIFF*, void* s, const char* module, const char* format, va_list values) {
  auto& first = static_cast<Session*>(s)->warning;
  if (first.empty()) first = text_of(module, format, values);
  return 1;
}

struct Close {
  void operator()(TIFF* t) const { TIFFClose(t); }
};
using File = std::unique_ptr<TIFF, Close>;

File open(Session& s) {
  const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(TIFFOpenOptionsAlloc(),
                                                                                 &TIFFOpenOptionsFree);
  if (!options) throw std::bad_alloc();
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), 4 * max_image_pixels + (1 << 20));
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, &s);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, &s);
  // "m": not mapped into memory, since it is there.
  return File(TIFFClientOpenExt("image", "rm", &s, on_read, on_write, on_seek, on_close, on_size, nullptr,
                                nullptr, options.get()));
}

/// What the tags of the first page say.
struct Page {
  std::uint32_t width = 0, height = 0;
  std::uint16_t bits = 1, samples = 1, format = SAMPLEFORMAT_UINT, photometric = 0,
                planar = PLANARCONFIG_CONTIG, orientation = ORIENTATION_TOPLEFT;
};

Page page_of(TIFF* t) {
  Page p;
  TIFFGetField(t, TIFFTAG_IMAGEWIDTH, &p.width);
  TIFFGetField(t, TIFFTAG_IMAGELENGTH, &p.height);
  TIFFGetFieldDefaulted(t, TIFFTAG_BITSPERSAMPLE, &p.bits);
  TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLESPERPIXEL, &p.samples);
  TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLEFORMAT, &p.format);
  TIFFGetFieldDefaulted(t, TIFFTAG_PLANARCONFIG, &p.planar);
  TIFFGetFieldDefaulted(t, TIFFTAG_ORIENTATION, &p.orientation);
  if (TIFFGetField(t, TIFFTAG_PHOTOMETRIC, &p.photometric) == 0)
    throw std::runtime_error("the tag PhotometricInterpretation is missing");
  return p;
}

/// The samples of a page of whole bytes, row by row.
std::vector<std::uint8_t> raw_samples(TIFF* t, const Page& p, const Session& s) {
  const auto fail = [&]() {
    throw std::runtime_error(s.failure.empty() ? "its samples cannot be read" : s.failure);
  };
  const std::size_t pixel = std::size_t{p.bits} / 8 * p.samples, stride = pixel * p.width;
  std::vector<std::uint8_t> out(stride * p.height);
  if (!TIFFIsTiled(t)) {
    if (TIFFScanlineSize(t) != static_cast<tmsize_t>(stride)) fail();
    for (std::uint32_t y = 0; y < p.height; ++y)
      if (TIFFReadScanline(t, out.data() + stride * y, y, 0) != 1) fail();
    return out;
  }
  std::uint32_t width = 0, height = 0;
  TIFFGetField(t, TIFFTAG_TILEWIDTH, &width);
  TIFFGetField(t, TIFFTAG_TILELENGTH, &height);
  check_image_size(height, width);
  std::vector<std::uint8_t> tile(pixel * width * height);
  if (TIFFTileSize(t) != static_cast<tmsize_t>(tile.size())) fail();
  for (std::uint32_t y = 0; y < p.height; y += height)
    for (std::uint32_t x = 0; x < p.width; x += width) {
      if (TIFFReadTile(t, tile.data(), x, y, 0, 0) < 0) fail();
      const auto columns = std::min(width, p.width - x), rows = std::min(height, p.height - y);
      for (std::uint32_t r = 0; r < rows; ++r)
        std::memcpy(out.data() + stride * (y + r) + pixel * x, tile.data() + pixel * width * r,
                    pixel * columns);
    }
  return out;
}

template <class Sample>
void widen(const std::vector<std::uint8_t>& raw, Decoded& out) {
  out.wide.resize(raw.size() / sizeof(Sample));
  for (std::size_t i = 0; i < out.wide.size(); ++i) {
    Sample v;
    std::memcpy(&v, raw.data() + i * sizeof v, sizeof v);
    out.wide[i] = static_cast<float>(v);
  }
  if constexpr (std::is_integral_v<Sample>) {
    out.range.type_least = std::numeric_limits<Sample>::min();
    out.range.type_most = std::numeric_limits<Sample>::max();
  }
}

void tell_range(Decoded& out, const Page& p) {
  if (!std::all_of(out.wide.begin(), out.wide.end(), [](float v) { return std::isfinite(v); }))
    throw std::runtime_error("a sample is no finite number");
  const auto [least, most] = std::minmax_element(out.wide.begin(), out.wide.end());
  out.range.least = *least;
  out.range.most = *most;
  out.sample = fmt::format("{} bits a sample{}", p.bits,
                           p.format == SAMPLEFORMAT_IEEEFP ? ", floating"
                           : p.format == SAMPLEFORMAT_INT  ? ", signed"
                                                           : "");
}

/// As libtiff makes RGB of it: palettes, fewer bits, YCbCr, an alpha plane.
void decode_as_rgba(TIFF* t, const Page& p, const Session& s, Decoded& out) {
  char why[1024] = {};
  if (TIFFRGBAImageOK(t, why) != 1) throw std::runtime_error(why);
  const auto pixels = std::size_t{p.width} * p.height;
  std::vector<std::uint32_t> raster(pixels);
  // The orientation that the file has: nothing is turned here.
  if (TIFFReadRGBAImageOriented(t, p.width, p.height, raster.data(), p.orientation, 1) != 1)
    throw std::runtime_error(s.failure.empty() ? "its pixels cannot be read" : s.failure);
  out.channels = 3;
  out.colour = p.photometric != PHOTOMETRIC_MINISBLACK && p.photometric != PHOTOMETRIC_MINISWHITE;
  out.pixels.reserve(3 * pixels);
  for (const auto v : raster) {
    if (TIFFGetA(v) != 0xFF)
      throw std::runtime_error(
          "transparent pixels, whose colour is not certain; put the image on a background");
    out.pixels.insert(out.pixels.end(),
                      {static_cast<std::uint8_t>(TIFFGetR(v)), static_cast<std::uint8_t>(TIFFGetG(v)),
                       static_cast<std::uint8_t>(TIFFGetB(v))});
  }
  if (out.colour) return;
  for (std::size_t i = 0; i < pixels; ++i) out.pixels[i] = out.pixels[3 * i];
  out.pixels.resize(pixels);
  out.channels = 1;
}

Decoded decode(TIFF* t, const Session& s) {
  const auto p = page_of(t);
  check_image_size(p.height, p.width);
  if (TIFFReadDirectory(t) != 0)
    throw std::runtime_error("it has several pages, allowed is one image a file");
  if (TIFFSetDirectory(t, 0) != 1) throw std::runtime_error("its directory cannot be read again");
  Decoded out;
  out.height = p.height;
  out.width = p.width;
  if (p.orientation >= 1 && p.orientation <= 8) out.orientation.value = p.orientation;
  const bool grey = p.photometric == PHOTOMETRIC_MINISBLACK || p.photometric == PHOTOMETRIC_MINISWHITE;
  const bool plain = p.planar == PLANARCONFIG_CONTIG &&
                     ((grey && p.samples == 1) || (p.photometric == PHOTOMETRIC_RGB && p.samples == 3));
  const bool unsigned_bytes = p.bits == 8 && p.format == SAMPLEFORMAT_UINT;
  if (p.photometric == PHOTOMETRIC_SEPARATED)
    throw std::runtime_error("CMYK colours, allowed are grey and RGB");
  if (!plain || p.bits < 8) {
    if (p.bits > 8)
      throw std::runtime_error(fmt::format("{} bits a sample in a form that only grey and RGB have", p.bits));
    decode_as_rgba(t, p, s, out);
    return out;
  }
  out.channels = p.samples;
  out.colour = !grey;
  auto raw = [&] { return raw_samples(t, p, s); };
  if (unsigned_bytes) {
    out.pixels = raw();
    if (p.photometric == PHOTOMETRIC_MINISWHITE)
      for (auto& v : out.pixels) v = static_cast<std::uint8_t>(0xFF - v);
    return out;
  }
  if (p.bits == 8 && p.format == SAMPLEFORMAT_INT)
    widen<std::int8_t>(raw(), out);
  else if (p.bits == 16 && p.format == SAMPLEFORMAT_UINT)
    widen<std::uint16_t>(raw(), out);
  else if (p.bits == 16 && p.format == SAMPLEFORMAT_INT)
    widen<std::int16_t>(raw(), out);
  else if (p.bits == 32 && p.format == SAMPLEFORMAT_IEEEFP)
    widen<float>(raw(), out);
  else
    throw std::runtime_error(
        fmt::format("{} bits a sample of TIFF's sample format {}, allowed are 8, 16 and floats of 32 bits",
                    p.bits, p.format));
  out.inverted = p.photometric == PHOTOMETRIC_MINISWHITE;
  tell_range(out, p);
  return out;
}

}  // namespace

bool is_tiff(const std::uint8_t* bytes, std::size_t size) {
  return size >= 8 && (std::memcmp(bytes, "II*\0", 4) == 0 || std::memcmp(bytes, "MM\0*", 4) == 0 ||
                       std::memcmp(bytes, "II+\0", 4) == 0 || std::memcmp(bytes, "MM\0+", 4) == 0);
}

Decoded decode_tiff(const std::uint8_t* bytes, std::size_t size) {
  Session s;
  s.bytes = bytes;
  s.size = size;
  const auto file = open(s);
  if (!file) throw std::runtime_error(s.failure.empty() ? "its TIFF header is damaged" : s.failure);
  auto out = decode(file.get(), s);
  out.warning = s.warning;
  return out;
}

}  // namespace afu::data
