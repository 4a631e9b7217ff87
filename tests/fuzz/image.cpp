// The image reader on arbitrary bytes: it reads them or throws DataError, and never anything else. Each input
// is tried as it is and, since no mutation finds the checksum that a chunk of PNG needs, as the compressed
// pixels and the EXIF block of a sound PNG.
// TIFF, BMP and WebP are tried where the bytes begin as theirs do.
//   cmake -DAFU_FUZZ=ON with clang
#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "data/dataset.hpp"
#include "data/exif.hpp"
#include "data/image_file.hpp"

namespace {

void read(const std::uint8_t* data, std::size_t size) {
  constexpr std::int64_t side = 8;
  for (const std::int64_t channels : {1, 3}) try {
      const auto image = afu::data::read_image_bytes(data, size, "fuzz.png", channels, side);
      if (image.pixels.size() != static_cast<std::size_t>(channels * side * side)) std::abort();
    } catch (const afu::data::DataError&) {
      // the only answer to bad input
    }
}

void read(const std::string& text) { read(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()); }

std::string big_endian(std::uint32_t v) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(v >> shift & 0xFF);
  return out;
}

std::string chunk(const std::string& type, const std::string& body) {
  const auto text = type + body;
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
  return big_endian(static_cast<std::uint32_t>(body.size())) + text +
         big_endian(static_cast<std::uint32_t>(sum));
}

std::string deflated(const std::string& bytes) {
  auto size = compressBound(static_cast<uLong>(bytes.size()));
  std::string out(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                static_cast<uLong>(bytes.size()), 1) != Z_OK)
    std::abort();
  out.resize(size);
  return out;
}

/// The first seven bytes choose the form of the image, the others are its chunks' bodies.
void read_as_chunks(const std::uint8_t* data, std::size_t size) {
  if (size < 7) return;
  const std::string rest(reinterpret_cast<const char*>(data) + 7, size - 7);
  const std::string form{static_cast<char>(data[2]), static_cast<char>(data[3]), 0, 0,
                         static_cast<char>(data[4] & 1)};
  const auto mark =
      "\x89PNG\r\n\x1a\n" + chunk("IHDR", big_endian(data[0] % 64u) + big_endian(data[1] % 64u) + form);
  const auto half = rest.size() / 2;
  const auto first = rest.substr(0, half), second = rest.substr(half);
  const auto end = chunk("IEND", "");
  const auto palette = data[5] & 1 ? chunk("PLTE", first.substr(0, first.size() / 3 * 3)) : std::string();
  const auto transparent = data[5] & 2 ? chunk("tRNS", second.substr(0, data[6])) : std::string();
  read(mark + palette + transparent + chunk("IDAT", rest) + end);
  read(mark + palette + transparent + chunk("eXIf", first) + chunk("IDAT", deflated(second)) + end);
  std::string rows(std::size_t{64} * 513, '\x11');
  rows.replace(0, std::min(rows.size(), second.size()), second, 0, std::min(rows.size(), second.size()));
  read(mark + palette + transparent + chunk("IDAT", deflated(rows)) + chunk("eXIf", first) + end);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read(data, size);
  read_as_chunks(data, size);
  const auto orientation = afu::data::exif_orientation(data, size);
  if (orientation.value < 1 || orientation.value > 8) std::abort();
  return 0;
}
