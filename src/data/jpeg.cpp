#include <fmt/format.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "data/decoders.hpp"

#include <jpeglib.h>  // needs <cstdio> before it

#include <jerror.h>  // needs jpeglib.h before it

namespace afu::data {

namespace {

// A file may hold thousands of scans, each of which goes over the whole image; encoders write about ten.
constexpr int max_scans = 100;
constexpr std::int64_t max_scanned_pixels = 20 * max_image_pixels;
// Of the decoder's own, which a progressive image needs for its coefficients: 2 bytes each.
constexpr long max_decoder_bytes = 1l << 30;

constexpr std::size_t exif_mark_bytes = 6;
const char exif_mark[exif_mark_bytes + 1] = "Exif\0";

/// Everything that outlives a jump out of libjpeg.
struct Session {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump;
  char failure[JMSG_LENGTH_MAX] = {};
  char warning[JMSG_LENGTH_MAX] = {};
  Decoded out;

  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { jpeg_destroy_decompress(&info); }
};

Session& session_of(j_common_ptr info) { return *static_cast<Session*>(info->client_data); }

[[noreturn]] void fail(Session& s) { std::longjmp(s.jump, 1); }
[[noreturn]] void fail(Session& s, const char* reason) {
  std::snprintf(s.failure, sizeof s.failure, "%s", reason);
  fail(s);
}

[[noreturn]] void on_error(j_common_ptr info) {
  auto& s = session_of(info);
  info->err->format_message(info, s.failure);
  fail(s);
}

/// Warnings after which libjpeg goes on with pixels of its own making are errors.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;  // traces
  auto& s = session_of(info);
  switch (info->err->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
      if (s.warning[0] == '\0') info->err->format_message(info, s.warning);
      return;
    default:
      on_error(info);
  }
}

void on_progress(j_common_ptr info) {
  const auto* decompress = reinterpret_cast<j_decompress_ptr>(info);
  const std::int64_t scans = decompress->input_scan_number;
  if (scans > max_scans || scans * decompress->image_width * decompress->image_height > max_scanned_pixels)
    fail(session_of(info), "more scans than an image of its size may have: 100, or fewer where it is large");
}

Orientation orientation_of(const Session& s) {
  for (const auto* m = s.info.marker_list; m; m = m->next)
    if (m->data_length >= exif_mark_bytes && std::memcmp(m->data, exif_mark, exif_mark_bytes) == 0)
      return exif_orientation(m->data + exif_mark_bytes, m->data_length - exif_mark_bytes);
  return {};
}

/// Nothing with a destructor may live in here while libjpeg is called: a jump would not run it.
void decode(Session& s, const std::uint8_t* bytes, std::size_t size, bool grey) {
  auto& info = s.info;
  jpeg_create_decompress(&info);
  info.client_data = &s;
  info.progress = &s.progress;
  info.mem->max_memory_to_use = max_decoder_bytes;
  jpeg_mem_src(&info, bytes, static_cast<unsigned long>(size));
  jpeg_save_markers(&info, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(&info, TRUE);

  if (info.image_width > max_image_side || info.image_height > max_image_side ||
      std::int64_t{info.image_width} * info.image_height > max_image_pixels) {
    std::snprintf(s.failure, sizeof s.failure, "%u x %u pixels, allowed at most %lld a side and %lld in all",
                  info.image_width, info.image_height, static_cast<long long>(max_image_side),
                  static_cast<long long>(max_image_pixels));
    fail(s);
  }
  switch (info.jpeg_color_space) {
    case JCS_GRAYSCALE:
      info.out_color_space = JCS_GRAYSCALE;
      break;
    case JCS_YCbCr:
      info.out_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
      break;
    case JCS_RGB:
      info.out_color_space = JCS_RGB;
      break;
    case JCS_CMYK:
    case JCS_YCCK:
      fail(s, "CMYK, the colours of a printer; convert it to RGB or grey");
    default:
      fail(s, "of a colour space that is not known");
  }
  s.out.orientation = orientation_of(s);  // the end of the decompression forgets the segments
  s.out.colour = info.jpeg_color_space != JCS_GRAYSCALE;
  info.dct_method = JDCT_ISLOW;  // the exact one: the same bytes on every processor

  jpeg_start_decompress(&info);
  s.out.height = info.output_height;
  s.out.width = info.output_width;
  s.out.channels = info.output_components;
  const auto stride =
      static_cast<std::size_t>(info.output_width) * static_cast<std::size_t>(info.output_components);
  s.out.pixels.resize(stride * info.output_height);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = s.out.pixels.data() + stride * info.output_scanline;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
}

}  // namespace

bool is_jpeg(const std::uint8_t* bytes, std::size_t size) {
  return size >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF;
}

Decoded decode_jpeg(const std::uint8_t* bytes, std::size_t size, bool grey) {
  const auto session = std::make_unique<Session>();
  auto& s = *session;
  s.info.err = jpeg_std_error(&s.errors);
  s.info.client_data = &s;  // jpeg_create_decompress keeps both
  s.errors.error_exit = on_error;
  s.errors.emit_message = on_message;
  s.progress.progress_monitor = on_progress;
  if (setjmp(s.jump) != 0) throw std::runtime_error(s.failure);
  decode(s, bytes, size, grey);
  s.out.warning = s.warning;
  return std::move(s.out);
}

}  // namespace afu::data
