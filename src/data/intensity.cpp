#include "data/intensity.hpp"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

namespace afu::data {

std::uint8_t in_window(double value, const Window& w) {
  if (!(value > w.low)) return 0;
  if (value >= w.high) return 255;
  return static_cast<std::uint8_t>(std::lround((value - w.low) / (w.high - w.low) * 255));
}

Window window_of(const config::IntensitySection& intensity, const std::string& sample,
                 const SampleRange& range) {
  switch (intensity.mapping) {
    case config::IntensityMapping::window:
      return {intensity.low, intensity.high};
    case config::IntensityMapping::extrema:
      return {range.least, range.most};
    case config::IntensityMapping::range:
      if (range.type_least < range.type_most) return {range.type_least, range.type_most};
      throw std::runtime_error(fmt::format(
          "{}: its type has no range to speak of; data.intensity.mapping \"window\" or \"extrema\" says what is "
          "black and what is white",
          sample));
    case config::IntensityMapping::stored:
      break;
  }
  if (range.own_least < range.own_most) return {range.own_least, range.own_most};
  throw std::runtime_error(fmt::format(
      "{}, with values from {} to {}: images are kept in 8 bits; data.intensity.mapping says how: \"window\", "
      "\"extrema\" or \"range\"",
      sample, range.least, range.most));
}

std::int64_t to_eight_bits(Decoded& image, const config::IntensitySection& intensity) {
  if (image.wide.empty()) return 0;
  const auto window = window_of(intensity, image.sample, image.range);
  std::int64_t outside = 0;
  image.pixels.resize(image.wide.size());
  for (std::size_t i = 0; i < image.wide.size(); ++i) {
    const double v = image.wide[i];
    outside += !(v >= window.low && v <= window.high);
    const auto grey = in_window(v, window);
    image.pixels[i] = image.inverted ? static_cast<std::uint8_t>(255 - grey) : grey;
  }
  image.wide = {};
  return outside;
}

}  // namespace afu::data
