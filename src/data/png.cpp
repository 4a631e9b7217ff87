#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "data/decoders.hpp"

namespace afu::data {

namespace {

constexpr png_alloc_size_t max_chunk_bytes = 1 << 20;
constexpr std::size_t signature_bytes = 8;

/// Everything that outlives a jump out of libpng.
struct Session {
  png_structp png = nullptr;
  png_infop info = nullptr;
  const std::uint8_t* next = nullptr;
  std::size_t left = 0;
  std::jmp_buf jump;
  char failure[200] = {}, warning[200] = {};
  std::vector<png_bytep> rows;
  std::vector<std::uint8_t> samples;
  int depth = 0;             ///< bits a sample, as stored
  std::size_t channels = 0;  ///< of `samples`, an alpha plane included
  Decoded out;

  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { png_destroy_read_struct(&png, &info, nullptr); }
};

[[noreturn]] void fail(Session& s, const char* reason) {
  std::snprintf(s.failure, sizeof s.failure, "%s", reason);
  std::longjmp(s.jump, 1);
}

[[noreturn]] void on_error(png_structp png, png_const_charp reason) {
  fail(*static_cast<Session*>(png_get_error_ptr(png)), reason);
}

void on_warning(png_structp png, png_const_charp what) {
  auto& s = *static_cast<Session*>(png_get_error_ptr(png));
  if (std::strcmp(what, "eXIf: duplicate") == 0) return;  // libpng itself writes it twice
  if (s.warning[0] == '\0') std::snprintf(s.warning, sizeof s.warning, "%s", what);
}

void on_read(png_structp png, png_bytep to, png_size_t bytes) {
  auto& s = *static_cast<Session*>(png_get_io_ptr(png));
  if (bytes > s.left) fail(s, "the file ends too early");
  std::memcpy(to, s.next, bytes);
  s.next += bytes;
  s.left -= bytes;
}

/// What is read of a file: its size, palette, transparency, pixels, EXIF. Everything else is not looked at,
/// and so cannot unpack to gigabytes.
void limit(Session& s) {
  static const png_byte ignored[] =
      "bKGD\0cHRM\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0sRGB\0sTER\0tEXt\0tIME\0zTXt";
  png_set_keep_unknown_chunks(s.png, PNG_HANDLE_CHUNK_NEVER, nullptr, 0);
  png_set_keep_unknown_chunks(s.png, PNG_HANDLE_CHUNK_NEVER, ignored, sizeof ignored / 5);
  png_set_user_limits(s.png, max_image_side, max_image_side);
  png_set_chunk_malloc_max(s.png, max_chunk_bytes);
  png_set_chunk_cache_max(s.png, 16);
}

/// Nothing with a destructor may live in here while libpng is called: a jump would not run it.
void decode(Session& s) {
  limit(s);
  png_set_read_fn(s.png, &s, on_read);
  png_read_info(s.png, s.info);
  png_uint_32 width = 0, height = 0;
  int type = 0;
  png_get_IHDR(s.png, s.info, &width, &height, &s.depth, &type, nullptr, nullptr, nullptr);
  if (std::int64_t{width} * height > max_image_pixels) {
    std::snprintf(s.failure, sizeof s.failure, "%u x %u pixels, allowed at most %lld in all", width, height,
                  static_cast<long long>(max_image_pixels));
    std::longjmp(s.jump, 1);
  }
  png_set_expand(s.png);  // palette to RGB, fewer than 8 bits to 8, transparent colours to an alpha plane
  png_set_interlace_handling(s.png);
  png_read_update_info(s.png, s.info);

  const auto stride = png_get_rowbytes(s.png, s.info);
  s.channels = png_get_channels(s.png, s.info);
  s.out.width = width;
  s.out.height = height;
  s.out.channels = s.channels >= 3 ? 3 : 1;
  s.out.colour = s.out.channels == 3;
  s.samples.resize(stride * height);
  for (png_uint_32 y = 0; y < height; ++y) s.rows.push_back(s.samples.data() + stride * y);
  png_read_image(s.png, s.rows.data());
  png_read_end(s.png, s.info);

  png_uint_32 bytes = 0;
  png_bytep exif = nullptr;
  if (png_get_eXIf_1(s.png, s.info, &bytes, &exif) != 0) s.out.orientation = exif_orientation(exif, bytes);
}

/// 16-bit samples that repeat one byte are 8-bit ones, as some programs write them; others are wide.
void take_sixteen_bits(Session& s) {
  const auto n = s.samples.size() / 2;
  bool repeated = true;
  for (std::size_t i = 0; i < n; ++i) repeated = repeated && s.samples[2 * i] == s.samples[2 * i + 1];
  if (repeated) {
    for (std::size_t i = 0; i < n; ++i) s.samples[i] = s.samples[2 * i];
    s.samples.resize(n);
    return;
  }
  auto& wide = s.out.wide;
  wide.resize(n);
  for (std::size_t i = 0; i < n; ++i)
    wide[i] = static_cast<float>(s.samples[2 * i] << 8 | s.samples[2 * i + 1]);
  s.samples.clear();
}

/// An opaque alpha plane says nothing and goes.
template <class Sample>
void drop_alpha(std::vector<Sample>& samples, std::size_t channels, Sample opaque) {
  const auto kept = channels - 1;
  std::size_t to = 0;
  for (std::size_t at = 0; at < samples.size(); at += channels) {
    if (samples[at + kept] != opaque)
      throw std::runtime_error(
          "transparent pixels, whose colour is not certain; put the image on a background");
    for (std::size_t c = 0; c < kept; ++c) samples[to++] = samples[at + c];
  }
  samples.resize(to);
}

void tell_range(Decoded& image) {
  const auto [least, most] = std::minmax_element(image.wide.begin(), image.wide.end());
  image.sample = "16 bits a sample";
  image.range.least = *least;
  image.range.most = *most;
  image.range.type_most = 0xFFFF;
}

}  // namespace

bool is_png(const std::uint8_t* bytes, std::size_t size) {
  return size >= signature_bytes && png_sig_cmp(bytes, 0, signature_bytes) == 0;
}

Decoded decode_png(const std::uint8_t* bytes, std::size_t size) {
  const auto session = std::make_unique<Session>();
  auto& s = *session;
  s.next = bytes;
  s.left = size;
  s.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &s, on_error, on_warning);
  if (!s.png) throw std::bad_alloc();
  s.info = png_create_info_struct(s.png);
  if (!s.info) throw std::bad_alloc();
  if (setjmp(s.jump) != 0) throw std::runtime_error(s.failure);
  decode(s);
  if (s.depth == 16) take_sixteen_bits(s);
  if (s.channels % 2 == 0) {
    drop_alpha<std::uint8_t>(s.samples, s.channels, 0xFF);
    drop_alpha<float>(s.out.wide, s.channels, 0xFFFF);
  }
  if (!s.out.wide.empty()) tell_range(s.out);
  s.out.pixels = std::move(s.samples);
  s.out.warning = s.warning;
  return std::move(s.out);
}

}  // namespace afu::data
