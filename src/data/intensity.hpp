#pragma once
/// Samples of more than 8 bits become the 8 bits that images are kept in.
#include <cstdint>
#include <string>

#include "config/sections/data.hpp"
#include "data/decoders.hpp"

namespace afu::data {

/// What is black and what is white; between them grey is linear, rounded to the nearest of 0 to 255.
struct Window {
  double low = 0, high = 255;
};

/// `value` in 8 bits: black at `low` and below, and where it is no number.
std::uint8_t in_window(double value, const Window& window);

/// The window that `intensity` gives such samples. Throws std::runtime_error, which says what they are (`sample`: "16 bits a
/// sample") and what is allowed, where it gives none.
Window window_of(const config::IntensitySection& intensity, const std::string& sample,
                 const SampleRange& range);

/// Makes `image.pixels` of `image.wide`, where there is any; returns how many samples were outside of the window. Throws
/// std::runtime_error as window_of does.
std::int64_t to_eight_bits(Decoded& image, const config::IntensitySection& intensity);

}  // namespace afu::data
