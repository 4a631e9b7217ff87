#pragma once
/// TIFF, WebP, BMP, NIfTI and DICOM files made to order.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <doctest/doctest.h>
#include <nifti/nifti1.h>
#include <tiffio.h>
#include <webp/encode.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "tests/data/support.hpp"

namespace afu::test {

inline std::size_t as_size(int n) { return static_cast<std::size_t>(n); }

struct TiffForm {
  int bits = 8, samples = 1, format = SAMPLEFORMAT_UINT, photometric = PHOTOMETRIC_MINISBLACK,
      orientation = 1, compression = COMPRESSION_LZW, pages = 1;
  bool tiled = false;
};

/// `rows`: the bytes of all rows.
inline void write_tiff(const std::string& path, int width, int height, const std::string& rows,
                       const TiffForm& form = {}) {
  auto* t = TIFFOpen(path.c_str(), "w");
  REQUIRE(t);
  const auto pixel = as_size(form.bits / 8 * form.samples), stride = pixel * static_cast<std::size_t>(width);
  REQUIRE(rows.size() == stride * static_cast<std::size_t>(height));
  for (int page = 0; page < form.pages; ++page) {
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, width);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, height);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, form.bits);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, form.samples);
    TIFFSetField(t, TIFFTAG_SAMPLEFORMAT, form.format);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, form.photometric);
    TIFFSetField(t, TIFFTAG_ORIENTATION, form.orientation);
    TIFFSetField(t, TIFFTAG_COMPRESSION, form.compression);
    TIFFSetField(t, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    if (form.tiled) {
      constexpr int side = 16;
      TIFFSetField(t, TIFFTAG_TILEWIDTH, side);
      TIFFSetField(t, TIFFTAG_TILELENGTH, side);
      for (int y = 0; y < height; y += side)
        for (int x = 0; x < width; x += side) {
          std::string tile(pixel * side * side, '\0');
          for (int r = 0; r < std::min(side, height - y); ++r)
            std::memcpy(
                tile.data() + pixel * side * static_cast<std::size_t>(r),
                rows.data() + stride * static_cast<std::size_t>(y + r) + pixel * static_cast<std::size_t>(x),
                pixel * static_cast<std::size_t>(std::min(side, width - x)));
          REQUIRE(TIFFWriteTile(t, tile.data(), static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y),
                                0, 0) > 0);
        }
    } else {
      auto bytes = rows;
      for (int y = 0; y < height; ++y)
        REQUIRE(TIFFWriteScanline(t, bytes.data() + stride * static_cast<std::size_t>(y),
                                  static_cast<std::uint32_t>(y), 0) == 1);
    }
    TIFFWriteDirectory(t);
  }
  TIFFClose(t);
}

/// Without loss. `rgba`: with an alpha plane, or without.
inline void write_webp(const std::string& path, int width, int height,
                       const std::vector<std::uint8_t>& pixels, bool rgba) {
  std::uint8_t* out = nullptr;
  const auto size = rgba ? WebPEncodeLosslessRGBA(pixels.data(), width, height, 4 * width, &out)
                         : WebPEncodeLosslessRGB(pixels.data(), width, height, 3 * width, &out);
  REQUIRE(size > 0);
  write_file(path, {reinterpret_cast<const char*>(out), size});
  WebPFree(out);
}

/// 24 bits a pixel, or 8 with a grey palette; bottom up.
inline std::string bmp_bytes(int width, int height, int bits, const std::vector<std::uint8_t>& pixels) {
  const auto number = [](std::uint32_t v, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(i < 4 ? v >> 8 * i & 0xFF : 0);
    return out;
  };
  const std::uint32_t palette = bits == 8 ? 1024 : 0;
  const int samples = bits / 8, stride = (width * samples + 3) / 4 * 4;
  std::string out = "BM" + number(54 + palette + static_cast<std::uint32_t>(stride * height), 4) +
                    number(0, 4) + number(54 + palette, 4) + number(40, 4) +
                    number(static_cast<std::uint32_t>(width), 4) +
                    number(static_cast<std::uint32_t>(height), 4) + number(1, 2) +
                    number(static_cast<std::uint32_t>(bits), 2) + number(0, 24);
  for (std::uint32_t i = 0; i < palette / 4; ++i) out += number(i | i << 8 | i << 16, 4);
  for (int y = height - 1; y >= 0; --y) {
    for (int x = 0; x < width; ++x)
      for (int c = samples - 1; c >= 0; --c)
        out += static_cast<char>(pixels[as_size((y * width + x) * samples + c)]);
    out += std::string(static_cast<std::size_t>(stride - width * samples), '\0');
  }
  return out;
}

inline void write_gzip(const std::string& path, const std::string& bytes) {
  auto* file = gzopen(path.c_str(), "wb");
  REQUIRE(file);
  REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) == static_cast<int>(bytes.size()));
  gzclose(file);
}

struct NiftiForm {
  std::array<int, 3> size{1, 1, 1};
  int datatype = DT_INT16, bits = 16;
  float slope = 0, intercept = 0;
  std::array<std::array<float, 4>, 3> affine{{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}}};
  bool analyze = false;  ///< the header alone, as an ANALYZE file has it
  int frames = 1;
};

inline std::string nifti_header(const NiftiForm& form) {
  nifti_1_header h{};
  h.sizeof_hdr = 348;
  h.regular = 'r';
  h.dim[0] = static_cast<short>(form.frames > 1 ? 4 : 3);
  for (int i = 0; i < 3; ++i) {
    h.dim[i + 1] = static_cast<short>(form.size[static_cast<std::size_t>(i)]);
    h.pixdim[i + 1] = 1;
  }
  h.dim[4] = static_cast<short>(form.frames);
  for (int i = 5; i < 8; ++i) h.dim[i] = 1;
  h.pixdim[0] = 1;
  h.datatype = static_cast<short>(form.datatype);
  h.bitpix = static_cast<short>(form.bits);
  h.scl_slope = form.slope;
  h.scl_inter = form.intercept;
  if (!form.analyze) {
    h.vox_offset = 352;
    h.sform_code = NIFTI_XFORM_SCANNER_ANAT;
    std::memcpy(h.srow_x, form.affine[0].data(), sizeof h.srow_x);
    std::memcpy(h.srow_y, form.affine[1].data(), sizeof h.srow_y);
    std::memcpy(h.srow_z, form.affine[2].data(), sizeof h.srow_z);
    std::memcpy(h.magic, "n+1", 4);
  }
  std::string out(reinterpret_cast<const char*>(&h), sizeof h);
  return form.analyze ? out : out + std::string(4, '\0');
}

struct DicomForm {
  int width = 1, height = 1, frames = 1, bits = 12, allocated = 16, samples = 1;
  bool is_signed = false;
  std::string kind = "MONOCHROME2", patient;
  std::map<std::string, double> numbers;  ///< slope, intercept, centre, width
  E_TransferSyntax syntax = EXS_LittleEndianExplicit;
};

inline void write_dicom(const std::string& path, const DicomForm& form, const std::string& pixels) {
  DcmFileFormat file;
  auto& d = *file.getDataset();
  char uid[100];
  d.putAndInsertString(DCM_SOPClassUID, UID_SecondaryCaptureImageStorage);
  d.putAndInsertString(DCM_SOPInstanceUID, dcmGenerateUniqueIdentifier(uid));
  if (!form.patient.empty()) d.putAndInsertString(DCM_PatientID, form.patient.c_str());
  d.putAndInsertString(DCM_PhotometricInterpretation, form.kind.c_str());
  const auto whole = [&](const DcmTagKey& tag, int v) { d.putAndInsertUint16(tag, static_cast<Uint16>(v)); };
  whole(DCM_Rows, form.height);
  whole(DCM_Columns, form.width);
  whole(DCM_SamplesPerPixel, form.samples);
  if (form.samples > 1) whole(DCM_PlanarConfiguration, 0);
  whole(DCM_BitsAllocated, form.allocated);
  whole(DCM_BitsStored, form.bits);
  whole(DCM_HighBit, form.bits - 1);
  whole(DCM_PixelRepresentation, form.is_signed);
  if (form.frames > 1) d.putAndInsertString(DCM_NumberOfFrames, std::to_string(form.frames).c_str());
  const auto real = [&](const char* key, const DcmTagKey& tag) {
    if (const auto v = form.numbers.find(key); v != form.numbers.end())
      d.putAndInsertString(tag, fmt::format("{}", v->second).c_str());
  };
  real("slope", DCM_RescaleSlope);
  real("intercept", DCM_RescaleIntercept);
  real("centre", DCM_WindowCenter);
  real("width", DCM_WindowWidth);
  if (form.allocated == 8)
    d.putAndInsertUint8Array(DCM_PixelData, reinterpret_cast<const Uint8*>(pixels.data()), pixels.size());
  else
    d.putAndInsertUint16Array(DCM_PixelData, reinterpret_cast<const Uint16*>(pixels.data()),
                              pixels.size() / 2);
  if (form.syntax != EXS_LittleEndianExplicit) REQUIRE(d.chooseRepresentation(form.syntax, nullptr).good());
  REQUIRE(file.saveFile(path.c_str(), form.syntax).good());
}

}  // namespace afu::test
