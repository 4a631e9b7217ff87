#pragma once
/// One image file, of whatever format, as pixels.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/sections/data.hpp"

namespace afu::data {

/// The endings that is_image_name knows, for messages.
inline constexpr const char* image_endings =
    ".jpg, .jpeg, .png, .tif, .bmp, .webp, .dcm, .nii, .nii.gz, .hdr";

/// True for the names of images that are read: .jpg, .jpeg, JPEG's rarer .jpe and .jfif, .png, .tif, .tiff, .bmp, .dib, .webp,
/// .dcm, .dicom, .ima, .nii, .nii.gz, and .hdr of ANALYZE and of NIfTI in two files; in any case.
bool is_image_name(const std::string& file_name);
/// True for the names of other images that are common in medicine: .mha, .nrrd, .jp2, .svs, ...
bool is_other_image_name(const std::string& file_name);
/// True for .img and .img.gz, which hold the samples of a .hdr.
bool is_second_file(const std::string& file_name);

/// What a file is to become.
struct ReadAs {
  std::int64_t channels = 1;  ///< 1 (luma) or 3 (RGB)
  std::int64_t side = 28;     ///< pixels; the aspect ratio is not kept
  config::IntensitySection intensity;
  config::SlicesSection slices;
  std::int64_t depth = 1;  ///< more: a volume of so many slices, made of all that slices.first and last leave
};

/// What a file became, and what was done to it on the way.
struct Image {
  std::vector<std::uint8_t> pixels;     ///< C x H x W, of a volume C x D x H x W
  std::int64_t height = 0, width = 0;   ///< upright, before the resizing
  std::int64_t slices = 1;              ///< of a volume, before the resizing
  bool colour = false, turned = false;  ///< stored in colour; turned upright as its EXIF orientation says
  std::int64_t mapped = 0;   ///< samples that were made 8-bit of something else; 0: they were 8-bit
  std::int64_t clipped = 0;  ///< of those, how many were outside of the window
  std::string warning;       ///< what the file had wrong that its pixels did not need
};

/// The file's images: one, or those of a volume's slices that are chosen, or, where as.depth says so, the one volume. Each is
/// made 8-bit, then turned upright, then resized where it has another size. The content decides the format; the name only
/// where the content tells none (DICOM without its mark, what gzip holds). Throws DataError, which names the file: see
/// decoders.hpp for what is refused; and for a single image where a volume is asked for.
std::vector<Image> read_images(const std::string& path, const ReadAs& as);

/// What the file's header tells, its samples left aside. Of an image by its name nothing is looked at.
struct ImageLook {
  std::int64_t images = 1;
  std::string patient;  ///< DICOM's PatientID, as it is; empty: none
};
/// `volume`: it is to become one. Throws DataError, which names the file.
ImageLook look_at_image(const std::string& path, const config::SlicesSection& slices, bool volume = false);

/// A file of a single image of 8 bits a sample. Throws DataError.
Image read_image(const std::string& path, std::int64_t channels, std::int64_t side);
/// The same from memory; `name` stands for the file in messages. DICOM and NIfTI are read from files only.
Image read_image_bytes(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                       std::int64_t channels, std::int64_t side);

/// Resizes one plane: bilinear when it grows, and with the filter widened by the scale, so that every source
/// pixel counts, when it shrinks.
std::vector<std::uint8_t> resize_plane(const std::vector<std::uint8_t>& plane, std::int64_t height,
                                       std::int64_t width, std::int64_t new_height, std::int64_t new_width);
/// Resizes a volume, depth slices of height x width, along its slices alone, likewise.
std::vector<std::uint8_t> resize_slices(const std::vector<std::uint8_t>& volume, std::int64_t depth,
                                        std::int64_t new_depth);

}  // namespace afu::data
