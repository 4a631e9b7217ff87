#include <webp/decode.h>
#include <webp/demux.h>

#include <cstring>
#include <memory>
#include <stdexcept>

#include "data/decoders.hpp"

namespace afu::data {

namespace {

struct Delete {
  void operator()(WebPDemuxer* d) const { WebPDemuxDelete(d); }
};

Orientation orientation_of(const std::uint8_t* bytes, std::size_t size) {
  const WebPData data{bytes, size};
  const std::unique_ptr<WebPDemuxer, Delete> demuxer(WebPDemux(&data));
  if (!demuxer || (WebPDemuxGetI(demuxer.get(), WEBP_FF_FORMAT_FLAGS) & EXIF_FLAG) == 0) return {};
  WebPChunkIterator chunk;
  Orientation out;
  if (WebPDemuxGetChunk(demuxer.get(), "EXIF", 1, &chunk) != 0) {
    // Some programs keep JPEG's mark before the block.
    constexpr std::size_t mark = 6;
    const bool marked = chunk.chunk.size > mark && std::memcmp(chunk.chunk.bytes, "Exif\0\0", mark) == 0;
    out = marked ? exif_orientation(chunk.chunk.bytes + mark, chunk.chunk.size - mark)
                 : exif_orientation(chunk.chunk.bytes, chunk.chunk.size);
    WebPDemuxReleaseChunkIterator(&chunk);
  }
  return out;
}

}  // namespace

bool is_webp(const std::uint8_t* bytes, std::size_t size) {
  return size >= 12 && std::memcmp(bytes, "RIFF", 4) == 0 && std::memcmp(bytes + 8, "WEBP", 4) == 0;
}

Decoded decode_webp(const std::uint8_t* bytes, std::size_t size) {
  WebPBitstreamFeatures facts;
  if (WebPGetFeatures(bytes, size, &facts) != VP8_STATUS_OK)
    throw std::runtime_error("its WebP header is damaged");
  if (facts.has_animation) throw std::runtime_error("an animation, allowed is one image a file");
  check_image_size(facts.height, facts.width);
  Decoded out;
  out.height = facts.height;
  out.width = facts.width;
  out.channels = 3;
  out.colour = true;
  const auto pixels = static_cast<std::size_t>(out.height * out.width);
  std::vector<std::uint8_t> rgba(4 * pixels);
  if (!WebPDecodeRGBAInto(bytes, size, rgba.data(), rgba.size(), 4 * facts.width))
    throw std::runtime_error("its WebP data are damaged or end too early");
  out.pixels.resize(3 * pixels);
  for (std::size_t p = 0; p < pixels; ++p) {
    if (rgba[4 * p + 3] != 0xFF)
      throw std::runtime_error(
          "transparent pixels, whose colour is not certain; put the image on a background");
    std::memcpy(&out.pixels[3 * p], &rgba[4 * p], 3);
  }
  out.orientation = orientation_of(bytes, size);
  return out;
}

}  // namespace afu::data
