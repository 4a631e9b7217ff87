#pragma once
/// The formats of image files, each in a file of its own, held to limits: the bytes come from outside. All throw
/// std::runtime_error with the reason where the file is damaged or ends early (what a decoder would fill up is refused),
/// exceeds the limits, or has pixels that grey or RGB do not hold: CMYK, transparency.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/sections/data.hpp"
#include "data/exif.hpp"

namespace afu::data {

/// In the units of Decoded::wide.
struct SampleRange {
  double least = 0, most = 0;            ///< of the values; of a volume's, as a whole
  double type_least = 0, type_most = 0;  ///< what the sample's type holds; the same: nothing to speak of
  double own_least = 0, own_most = 0;    ///< the window that the file itself names; the same: none
};

/// An image as it is stored: not turned, not resized.
struct Decoded {
  std::int64_t height = 0, width = 0;
  int channels = 1;                  ///< 1 grey, 3 red, green, blue
  bool colour = false;               ///< stored in colour; `channels` may be 1 all the same
  std::vector<std::uint8_t> pixels;  ///< height x width x channels
  /// Instead of `pixels`: samples that 8 bits do not hold, after the file's rescaling (data/intensity.hpp).
  std::vector<float> wide;
  SampleRange range;      ///< of `wide`
  std::string sample;     ///< of `wide`: "16 bits a sample"
  bool inverted = false;  ///< of `wide`: large is black
  Orientation orientation;
  std::string warning;  ///< what the decoder found odd and passed over; empty: nothing
};

/// The most that one image may have, and one volume. A file of a few bytes can claim more.
constexpr std::int64_t max_image_side = 16384, max_image_pixels = std::int64_t{1} << 26,
                       max_volume_samples = std::int64_t{1} << 27;

/// Throws std::runtime_error where an image of that size has no pixels, or more than are allowed.
void check_image_size(std::int64_t height, std::int64_t width);

bool is_jpeg(const std::uint8_t* bytes, std::size_t size);
bool is_png(const std::uint8_t* bytes, std::size_t size);
bool is_tiff(const std::uint8_t* bytes, std::size_t size);
bool is_bmp(const std::uint8_t* bytes, std::size_t size);
bool is_webp(const std::uint8_t* bytes, std::size_t size);
bool is_dicom(const std::uint8_t* bytes, std::size_t size);
/// NIfTI-1, NIfTI-2 or ANALYZE 7.5, not packed; also the header of a pair.
bool is_nifti(const std::uint8_t* bytes, std::size_t size);

/// `grey`: a JPEG that holds a luma plane gives that alone.
Decoded decode_jpeg(const std::uint8_t* bytes, std::size_t size, bool grey);
/// 16-bit samples that repeat one byte are 8-bit ones, as some programs write them; others are wide.
Decoded decode_png(const std::uint8_t* bytes, std::size_t size);
/// Grey and RGB of 8 bits, 16 bits and floats; palettes, fewer bits and YCbCr as libtiff makes RGB of them. A file of
/// several pages is refused.
Decoded decode_tiff(const std::uint8_t* bytes, std::size_t size);
/// Without compression.
Decoded decode_bmp(const std::uint8_t* bytes, std::size_t size);
Decoded decode_webp(const std::uint8_t* bytes, std::size_t size);

/// A DICOM file's header.
struct DicomLook {
  std::int64_t frames = 1;
  std::string patient;  ///< the PatientID; empty: none
};
DicomLook look_at_dicom(const std::string& path);
/// The chosen frames. Grey is wide, after the modality's rescaling, unless it is of 8 bits with neither that nor a window;
/// the window is the file's first. A VOI table, a sigmoid and a modality table are not applied: refused where they would be
/// needed.
std::vector<Decoded> decode_dicom(const std::string& path, const config::SlicesSection& slices);

/// How many slices a volume has along the axis.
std::int64_t look_at_nifti(const std::string& path, config::SliceAxis axis);
/// The chosen slices, in the orientation that config's data.slices.axis tells (RAS by the file's sform, else its qform; an
/// ANALYZE file tells none and is taken as RAS, with a warning). Grey, after scl_slope and scl_inter; wide, unless it is of
/// unsigned 8 bits without them.
std::vector<Decoded> decode_nifti(const std::string& path, const config::SlicesSection& slices);

}  // namespace afu::data
