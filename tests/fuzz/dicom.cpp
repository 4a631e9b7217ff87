// The DICOM reader on arbitrary bytes: frames of the size that the header says, or std::runtime_error, and never anything else.
// The bytes are tried as a file, and as the pixels and the numbers of a sound one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "data/decoders.hpp"
#include "harness.hpp"

namespace {

std::string number(std::uint32_t v, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(v >> 8 * i & 0xFF);
  return out;
}

/// An element in explicit little endian; `kind` is its two letters.
std::string element(std::uint16_t group, std::uint16_t tag, const std::string& kind, std::string value) {
  if (value.size() % 2) value += kind == "UI" ? '\0' : ' ';
  const bool long_form = kind == "OW" || kind == "OB";
  return number(group, 2) + number(tag, 2) + kind +
         (long_form ? number(0, 2) + number(static_cast<std::uint32_t>(value.size()), 4)
                    : number(static_cast<std::uint32_t>(value.size()), 2)) +
         value;
}

std::string file(const std::string& kind, const std::string& numbers, const std::string& pixels,
                 std::uint16_t bits) {
  const auto meta = element(2, 0x10, "UI", "1.2.840.10008.1.2.1");
  const auto whole = [&](std::uint16_t tag, std::uint16_t v) {
    return element(0x28, tag, "US", number(v, 2));
  };
  return std::string(128, '\0') + "DICM" +
         element(2, 0, "UL", number(static_cast<std::uint32_t>(meta.size()), 4)) + meta +
         element(0x10, 0x20, "LO", "P") + whole(2, kind == "RGB" ? 3 : 1) + element(0x28, 4, "CS", kind) +
         (kind == "RGB" ? whole(6, 0) : "") + whole(0x10, 4) + whole(0x11, 4) +
         whole(0x100, bits > 8 ? 16 : 8) + whole(0x101, bits) +
         whole(0x102, static_cast<std::uint16_t>(bits - 1)) + whole(0x103, 0) + numbers +
         element(0x7FE0, 0x10, "OW", pixels);
}

void read(const std::string& bytes) {
  static const afu::fuzz::Folder folder;
  const auto path = (folder / "x.dcm").string();
  afu::fuzz::write_text(path, bytes);
  afu::config::SlicesSection slices;
  slices.count = 0;
  try {
    afu::data::look_at_dicom(path);
    for (const auto& image : afu::data::decode_dicom(path, slices))
      if (static_cast<std::int64_t>(std::max(image.pixels.size(), image.wide.size())) !=
          image.height * image.width * image.channels)
        std::abort();
  } catch (const std::runtime_error&) {
    // the only answer to bad input
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const std::string window = element(0x28, 0x1050, "DS", "40") + element(0x28, 0x1051, "DS", "400") +
                             element(0x28, 0x1052, "DS", "-1024") + element(0x28, 0x1053, "DS", "1");
  afu::fuzz::write_seeds_if_asked(*argc, *argv,
                                  {{"grey", file("MONOCHROME2", window, std::string(32, '\x21'), 12)},
                                   {"bytes", file("MONOCHROME1", "", std::string(16, '\x21'), 8)},
                                   {"rgb", file("RGB", "", std::string(48, '\x21'), 8)}});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = afu::fuzz::text_of(data, size);
  read(text);
  const auto half = text.substr(0, size / 2), rest = text.substr(size / 2);
  for (const char* kind : {"MONOCHROME2", "RGB", "YBR_FULL", "PALETTE COLOR"}) {
    read(file(kind, half.substr(0, 2000), rest, 8));
    read(file(kind,
              element(0x28, 0x1050, "DS", half.substr(0, 16)) +
                  element(0x28, 0x1051, "DS", half.substr(std::min<std::size_t>(16, half.size()), 16)) +
                  element(0x28, 0x1053, "DS", rest.substr(0, 16)),
              rest + std::string(64, '\x11'), 12));
  }
  return 0;
}
