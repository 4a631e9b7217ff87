#pragma once
/// Which of a volume's slices, or of a file's frames, are images.
#include <cstdint>

#include "base/indices.hpp"
#include "config/sections/data.hpp"

namespace afu::data {

/// Of `extent` slices those that section.count, first and last choose, ascending: of the range [floor(first n), ceil(last n))
/// the middle of each of `count` even parts, or all. A file of a single one gives that. Throws std::runtime_error where the
/// range has fewer.
base::Indices chosen_slices(std::int64_t extent, const config::SlicesSection& section);

}  // namespace afu::data
