#pragma once
/// A sheet of a few images of each class, as a run is given them.
#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.hpp"

namespace afu::data {

/// Rows of cells, a class a row in their order; each row has the same number of cells, empty ones grey at its end.
struct Preview {
  std::int64_t height = 0, width = 0, channels = 1;
  std::vector<std::uint8_t> pixels;  ///< height x width x channels
  std::vector<Indices> rows;         ///< of a class, the training images that are shown
  std::int64_t classes_left_out = 0;
};

inline constexpr std::int64_t preview_columns = 8, preview_classes = 100;
/// Pixels a side that a cell has at most, and between two cells.
inline constexpr std::int64_t preview_cell = 128, preview_gap = 2;

/// Of each of the first preview_classes classes up to preview_columns training images, evenly spread over those of the
/// class, of volumes the middle slice of each. Images that are larger than a cell are shrunk, smaller ones repeat each pixel
/// as often as a cell allows.
Preview preview_of(const Source& source);

/// As a PNG file. Throws std::runtime_error, which names the file.
void write_preview(const Preview& preview, const std::string& path);

/// What stands in which row: a line each, and how many classes are left out.
std::string preview_text(const Preview& preview, const Source& source);

}  // namespace afu::data
