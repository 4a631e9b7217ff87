// The NIfTI reader on arbitrary files, as they are and behind a sound header's first bytes: slices of the size that their
// volume says, or std::runtime_error, and never anything else.
#include <nifti/nifti1.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "data/decoders.hpp"
#include "harness.hpp"

namespace {

std::string sound(short datatype, short bits) {
  nifti_1_header h{};
  h.sizeof_hdr = sizeof h;
  h.dim[0] = 3;
  for (int i = 1; i < 8; ++i) h.dim[i] = static_cast<short>(i < 4 ? 4 : 1);
  for (int i = 0; i < 4; ++i) h.pixdim[i] = 1;
  h.datatype = datatype;
  h.bitpix = bits;
  h.vox_offset = 352;
  h.sform_code = 1;
  h.srow_x[0] = h.srow_y[1] = h.srow_z[2] = 1;
  std::memcpy(h.magic, "n+1", 4);
  return std::string(reinterpret_cast<const char*>(&h), sizeof h) + std::string(4, '\0') +
         std::string(static_cast<std::size_t>(64 * bits / 8), '\x11');
}

void read(const std::string& path) {
  for (const auto axis : {afu::config::SliceAxis::axial, afu::config::SliceAxis::sagittal}) try {
      afu::config::SlicesSection slices;
      slices.axis = axis;
      slices.count = 0;
      const auto extent = afu::data::look_at_nifti(path, axis);
      const auto images = afu::data::decode_nifti(path, slices);
      if (static_cast<std::int64_t>(images.size()) != extent) std::abort();
      for (const auto& image : images)
        if (static_cast<std::int64_t>(std::max(image.pixels.size(), image.wide.size())) !=
            image.height * image.width)
          std::abort();
    } catch (const std::runtime_error&) {
      // the only answer to bad input
    }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  afu::fuzz::write_seeds_if_asked(
      *argc, *argv,
      {{"int16", sound(DT_INT16, 16)}, {"uint8", sound(DT_UINT8, 8)}, {"real", sound(DT_FLOAT32, 32)}});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const afu::fuzz::Folder folder;
  const auto text = afu::fuzz::text_of(data, size);
  const auto path = (folder / "x.nii").string();
  afu::fuzz::write_text(path, text);
  read(path);
  auto mixed = sound(DT_INT16, 16);
  std::copy_n(text.begin(), std::min<std::size_t>(text.size(), sizeof(nifti_1_header) - 4),
              mixed.begin() + 4);  // its size and its mark stay
  std::memcpy(mixed.data() + 344, "n+1", 4);
  afu::fuzz::write_text(path, mixed);
  read(path);
  return 0;
}
