#include "data/preview.hpp"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "base/output_file.hpp"
#include "config/text.hpp"
#include "data/image_file.hpp"

namespace afu::data {

namespace {

constexpr std::uint8_t background = 128;

/// The training images of each class, in their order.
std::vector<Indices> rows_by_class(const Source& source, std::size_t classes) {
  std::vector<Indices> rows(classes);
  for (std::size_t r = 0; r < source.train.labels.size(); ++r)
    if (const auto label = static_cast<std::size_t>(source.train.labels[r]); label < classes)
      rows[label].push_back(static_cast<std::int64_t>(r));
  return rows;
}

Indices evenly_spread(const Indices& rows) {
  constexpr auto most = static_cast<std::size_t>(preview_columns);
  if (rows.size() <= most) return rows;
  Indices some;
  for (std::size_t i = 0; i < most; ++i) some.push_back(rows[i * rows.size() / most]);
  return some;
}

/// Where a cell's images have their pixels.
struct Cell {
  std::int64_t height, width;  ///< what images become before their pixels are repeated
  std::int64_t times;          ///< that each pixel is repeated along either axis
};

Cell cell_of(const Images& images) {
  const auto longer = std::max(images.height, images.width);
  if (longer <= preview_cell) return {images.height, images.width, preview_cell / longer};
  const auto shrunk = [&](std::int64_t side) {
    return std::max<std::int64_t>(1, side * preview_cell / longer);
  };
  return {shrunk(images.height), shrunk(images.width), 1};
}

}  // namespace

Preview preview_of(const Source& source) {
  const auto& images = source.train;
  const auto classes = std::min(source.classes(), preview_classes);
  const auto cell = cell_of(images);
  const auto high = cell.height * cell.times, wide = cell.width * cell.times;
  Preview p;
  p.classes_left_out = source.classes() - classes;
  p.channels = images.channels;
  p.height = classes * (high + preview_gap) + preview_gap;
  p.width = preview_columns * (wide + preview_gap) + preview_gap;
  p.pixels.assign(static_cast<std::size_t>(p.height * p.width * p.channels), background);
  for (const auto& rows : rows_by_class(source, static_cast<std::size_t>(classes)))
    p.rows.push_back(evenly_spread(rows));

  const auto slice_bytes = images.height * images.width, plane_bytes = images.depth * slice_bytes;
  const auto middle = images.depth / 2 * slice_bytes;
  for (std::size_t c = 0; c < p.rows.size(); ++c)
    for (std::size_t i = 0; i < p.rows[c].size(); ++i) {
      const auto top = preview_gap + static_cast<std::int64_t>(c) * (high + preview_gap);
      const auto left = preview_gap + static_cast<std::int64_t>(i) * (wide + preview_gap);
      for (std::int64_t k = 0; k < p.channels; ++k) {
        const auto* from =
            images.pixels.begin() + p.rows[c][i] * images.image_bytes() + k * plane_bytes + middle;
        const auto plane =
            resize_plane({from, from + slice_bytes}, images.height, images.width, cell.height, cell.width);
        for (std::int64_t y = 0; y < high; ++y)
          for (std::int64_t x = 0; x < wide; ++x)
            p.pixels[static_cast<std::size_t>(((top + y) * p.width + left + x) * p.channels + k)] =
                plane[static_cast<std::size_t>(y / cell.times * cell.width + x / cell.times)];
      }
    }
  return p;
}

void write_preview(const Preview& p, const std::string& path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(p.width);
  image.height = static_cast<png_uint_32>(p.height);
  image.format = p.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  const auto write = [&](void* to, png_alloc_size_t& bytes) {
    if (png_image_write_to_memory(&image, to, &bytes, 0, p.pixels.data(), 0, nullptr) == 0)
      throw std::runtime_error(fmt::format("{}: cannot be made: {}", path, image.message));
  };
  png_alloc_size_t bytes = 0;
  write(nullptr, bytes);
  std::string file(bytes, '\0');
  write(file.data(), bytes);
  base::write_whole(path, std::string_view(file).substr(0, bytes));
}

std::string preview_text(const Preview& p, const Source& source) {
  std::string out;
  for (std::size_t c = 0; c < p.rows.size(); ++c)
    out += fmt::format("  row {}: class {} ({}), {} training images\n", c + 1, c,
                       config::printable(source.class_names[c], true), p.rows[c].size());
  if (p.classes_left_out > 0) out += fmt::format("  {} more classes are not shown\n", p.classes_left_out);
  return out;
}

}  // namespace afu::data
