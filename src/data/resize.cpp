#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "data/image_file.hpp"

namespace afu::data {

namespace {

/// The weights of the source pixels that one destination pixel is made of, along one axis.
struct Taps {
  std::int64_t first = 0;
  std::vector<float> weights;
};

std::vector<Taps> make_taps(std::int64_t from, std::int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double support = std::max(1.0, scale);
  std::vector<Taps> taps(static_cast<std::size_t>(to));
  for (std::int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale - 0.5;
    auto& t = taps[static_cast<std::size_t>(i)];
    t.first = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil(centre - support)));
    const auto last = std::min(from - 1, static_cast<std::int64_t>(std::floor(centre + support)));
    double sum = 0;
    for (auto k = t.first; k <= last; ++k) {
      const double w = std::max(0.0, 1.0 - std::abs(static_cast<double>(k) - centre) / support);
      t.weights.push_back(static_cast<float>(w));
      sum += w;
    }
    for (auto& w : t.weights) w = static_cast<float>(w / sum);
  }
  return taps;
}

}  // namespace

std::vector<std::uint8_t> resize_plane(const std::vector<std::uint8_t>& plane, std::int64_t height,
                                       std::int64_t width, std::int64_t new_height, std::int64_t new_width) {
  if (height == new_height && width == new_width) return plane;
  const auto columns = make_taps(width, new_width), rows = make_taps(height, new_height);
  std::vector<float> narrow(static_cast<std::size_t>(height * new_width));
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < new_width; ++x) {
      const auto& t = columns[static_cast<std::size_t>(x)];
      const auto* from = plane.data() + y * width + t.first;
      float sum = 0;
      for (std::size_t k = 0; k < t.weights.size(); ++k) sum += t.weights[k] * static_cast<float>(from[k]);
      narrow[static_cast<std::size_t>(y * new_width + x)] = sum;
    }
  std::vector<std::uint8_t> out(static_cast<std::size_t>(new_height * new_width));
  for (std::int64_t y = 0; y < new_height; ++y) {
    const auto& t = rows[static_cast<std::size_t>(y)];
    for (std::int64_t x = 0; x < new_width; ++x) {
      const auto* from = narrow.data() + t.first * new_width + x;
      float sum = 0;
      for (std::size_t k = 0; k < t.weights.size(); ++k)
        sum += t.weights[k] * from[static_cast<std::int64_t>(k) * new_width];
      out[static_cast<std::size_t>(y * new_width + x)] =
          static_cast<std::uint8_t>(std::clamp(std::lround(sum), 0l, 255l));
    }
  }
  return out;
}

std::vector<std::uint8_t> resize_slices(const std::vector<std::uint8_t>& volume, std::int64_t depth,
                                        std::int64_t new_depth) {
  // A slice is a row of a plane as long as it has pixels, whose columns stay.
  const auto pixels = static_cast<std::int64_t>(volume.size()) / depth;
  return resize_plane(volume, depth, pixels, new_depth, pixels);
}

}  // namespace afu::data
