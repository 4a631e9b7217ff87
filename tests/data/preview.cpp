#include "data/preview.hpp"

#include <doctest/doctest.h>

#include "data/image_file.hpp"
#include "tests/data/support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

/// `per_class` images of each class, class by turns; image r has the value 2 r everywhere.
data::Source source_of(std::int64_t classes, std::int64_t per_class, std::int64_t channels,
                       std::int64_t side) {
  data::Source s;
  for (std::int64_t c = 0; c < classes; ++c) s.class_names.push_back(fmt::format("kind {}", c));
  s.train.channels = channels;
  s.train.height = s.train.width = side;
  for (std::int64_t r = 0; r < classes * per_class; ++r) {
    s.train.labels.push_back(r % classes);
    for (std::int64_t k = 0; k < channels; ++k)
      s.train.pixels.insert(s.train.pixels.end(), static_cast<std::size_t>(side * side),
                            static_cast<std::uint8_t>(2 * r + 50 * k));
  }
  return s;
}

}  // namespace

TEST_CASE("a sheet has a row a class, and is a PNG that can be read again") {
  TempFolder folder;
  const auto s = source_of(3, 20, 3, 28);
  const auto p = data::preview_of(s);
  CHECK(p.rows[1] == data::Indices{1, 7, 16, 22, 31, 37, 46, 52});
  CHECK(p.height == 3 * (4 * 28 + 2) + 2);
  CHECK(p.width == 8 * (4 * 28 + 2) + 2);
  data::write_preview(p, folder / "sheet.png");
  const auto bytes = file_bytes(folder / "sheet.png");
  const auto image = data::read_image(folder / "sheet.png", 3, 916);  // resized to a square
  CHECK(image.height == p.height);
  CHECK(image.width == p.width);
  CHECK(image.colour);
  // In the middle of the cells, at the place that the resizing gives them.
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t column = 0; column < 8; ++column) {
      const auto y = (row * 114 + 58) * 916 / static_cast<std::size_t>(p.height), x = column * 114 + 58;
      for (std::size_t k = 0; k < 3; ++k)
        CHECK(image.pixels[(k * 916 + y) * 916 + x] ==
              2 * p.rows[row][column] + 50 * static_cast<std::int64_t>(k));
    }
  CHECK(contains(data::preview_text(p, s), "  row 2: class 1 (kind 1), 8 training images\n"));
}

TEST_CASE("large images are shrunk, few ones leave cells empty, and classes that are not shown are told") {
  const auto large = data::preview_of(source_of(2, 3, 1, 300));
  CHECK(large.height == 2 * 130 + 2);
  CHECK(large.rows[0].size() == 3);
  CHECK(large.pixels[static_cast<std::size_t>(66 * large.width + 2 + 130 + 64)] ==
        4);  // the second image of class 0
  CHECK(large.pixels[static_cast<std::size_t>(66 * large.width + 2 + 390 + 64)] == 128);
  const auto many = source_of(103, 1, 1, 8);
  const auto p = data::preview_of(many);
  CHECK(p.rows.size() == 100);
  CHECK(contains(data::preview_text(p, many), "  3 more classes are not shown\n"));
}
