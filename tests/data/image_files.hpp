#pragma once
/// JPEG and PNG files made to order, by the libraries that also read them.
#include <doctest/doctest.h>
#include <png.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <jpeglib.h>  // needs <cstdio> before it

#include "tests/data/support.hpp"

namespace afu::test {

struct PngForm {
  int type = PNG_COLOR_TYPE_GRAY, depth = 8;
  bool interlaced = false;
  std::string exif;  ///< without the mark that JPEG has before it; empty: none
  std::vector<png_color> palette;
  std::vector<png_byte> palette_alpha;
  std::vector<std::pair<std::string, std::string>> texts;  ///< compressed
};

/// `rows`: the bytes of all rows, as PNG packs them.
inline void write_png(const std::string& path, int width, int height, const std::vector<std::uint8_t>& rows,
                      const PngForm& form = {}) {
  auto* file = std::fopen(path.c_str(), "wb");
  REQUIRE(file);
  auto* png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  auto* info = png_create_info_struct(png);
  png_init_io(png, file);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), form.depth,
               form.type, form.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!form.palette.empty())
    png_set_PLTE(png, info, form.palette.data(), static_cast<int>(form.palette.size()));
  if (!form.palette_alpha.empty())
    png_set_tRNS(png, info, form.palette_alpha.data(), static_cast<int>(form.palette_alpha.size()), nullptr);
  auto exif = form.exif;
  if (!exif.empty())
    png_set_eXIf_1(png, info, static_cast<png_uint_32>(exif.size()),
                   reinterpret_cast<png_bytep>(exif.data()));
  for (const auto& [key, text] : form.texts) {
    png_text t{};
    t.compression = PNG_TEXT_COMPRESSION_zTXt;
    t.key = const_cast<png_charp>(key.c_str());
    t.text = const_cast<png_charp>(text.c_str());
    t.text_length = text.size();
    png_set_text(png, info, &t, 1);
  }
  png_write_info(png, info);
  auto bytes = rows;
  const auto stride = png_get_rowbytes(png, info);
  REQUIRE(bytes.size() == stride * static_cast<std::size_t>(height));
  std::vector<png_bytep> pointers;
  for (int y = 0; y < height; ++y) pointers.push_back(bytes.data() + stride * static_cast<std::size_t>(y));
  png_write_image(png, pointers.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  std::fclose(file);
}

inline void write_flat_png(const std::string& path, std::uint8_t value, int side = 8) {
  write_png(path, side, side, std::vector<std::uint8_t>(static_cast<std::size_t>(side * side), value));
}

struct JpegForm {
  J_COLOR_SPACE space = JCS_GRAYSCALE;  ///< of the samples that are given
  bool progressive = false;
  bool scan_each = false;  ///< a scan of its own for each of three components
  std::string app1;        ///< the data of an APP1 segment
};

/// `samples`: height x width x the space's channels.
inline void write_jpeg(const std::string& path, int width, int height, std::vector<std::uint8_t> samples,
                       const JpegForm& form = {}) {
  auto* file = std::fopen(path.c_str(), "wb");
  REQUIRE(file);
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  jpeg_stdio_dest(&jpeg, file);
  jpeg.image_width = static_cast<JDIMENSION>(width);
  jpeg.image_height = static_cast<JDIMENSION>(height);
  jpeg.in_color_space = form.space;
  jpeg.input_components = form.space == JCS_GRAYSCALE ? 1 : form.space == JCS_RGB ? 3 : 4;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 100, TRUE);
  if (form.progressive) jpeg_simple_progression(&jpeg);
  static const jpeg_scan_info scans[3] = {
      {1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
  if (form.scan_each) {
    jpeg.scan_info = scans;
    jpeg.num_scans = 3;
  }
  jpeg_start_compress(&jpeg, TRUE);
  if (!form.app1.empty())
    jpeg_write_marker(&jpeg, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(form.app1.data()),
                      static_cast<unsigned>(form.app1.size()));
  const auto stride = static_cast<std::size_t>(width) * static_cast<std::size_t>(jpeg.input_components);
  REQUIRE(samples.size() == stride * static_cast<std::size_t>(height));
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row = samples.data() + stride * jpeg.next_scanline;
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  std::fclose(file);
}

/// An EXIF block whose only entry is the orientation.
inline std::string exif_with(int orientation, bool little = true) {
  const auto number = [&](unsigned v, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(v >> 8 * (little ? i : bytes - 1 - i) & 0xFF);
    return out;
  };
  return (little ? "II" : "MM") + number(42, 2) + number(8, 4) + number(1, 2) + number(0x112, 2) +
         number(3, 2) + number(1, 4) + number(static_cast<unsigned>(orientation), 2) + number(0, 2) +
         number(0, 4);
}

}  // namespace afu::test
