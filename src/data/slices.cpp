#include "data/slices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace afu::data {

base::Indices chosen_slices(std::int64_t extent, const config::SlicesSection& section) {
  if (extent == 1) return {0};
  const auto n = static_cast<double>(extent);
  const auto from =
      std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(section.first * n)), 0, extent - 1);
  const auto to =
      std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(section.last * n)), from + 1, extent);
  const auto count = section.count == 0 ? to - from : section.count;
  if (count > to - from)
    throw std::runtime_error(fmt::format(
        "{} slices of which {} are in the range from data.slices.first = {} to last = {}, and data.slices.count "
        "= {} asks for more",
        extent, to - from, section.first, section.last, section.count));
  base::Indices chosen;
  for (std::int64_t k = 0; k < count; ++k) chosen.push_back(from + (2 * k + 1) * (to - from) / (2 * count));
  return chosen;
}

}  // namespace afu::data
