#pragma once
/// The one entry of EXIF that changes how pixels are to be read.
#include <cstddef>
#include <cstdint>
#include <string>

namespace afu::data {

/// How the stored rows and columns lie in the image as it is to be seen: the values 1 (as stored) to 8 of
/// EXIF's tag 274. Odd and even ones above 4 exchange height and width.
struct Orientation {
  int value = 1;
  std::string doubt;  ///< why it is taken as 1 although something was there; empty: nothing odd
};

/// From an EXIF block, which begins with TIFF's byte order mark. Only the first directory's tag 274 is looked
/// for: no library is asked, since they go through the cameras' private notes as well, and those are bytes
/// from outside.
Orientation exif_orientation(const std::uint8_t* block, std::size_t size);

}  // namespace afu::data
