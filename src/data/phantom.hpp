#pragma once
/// The embedded data set: chest-like slices drawn from a seed, so that everything runs without a download. A
/// body with two lungs, heart, spine and vessels in a random pose under noise; the class is the finding (a
/// nodule, a cavity, ...), whose place, size and contrast vary. It stands in for a small set of medical
/// images and is none; with section.depth > 1 it draws volumes, in which lungs, heart and lesions are ellipsoids, and body and
/// spine run from end to end: a linear model sees little of it, a small network much, and 2,000 images are few
/// enough to be memorised.
#include <cstdint>

#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"

namespace afu::data {

/// Part of the images that have a given label, as multi_label.
constexpr double phantom_label_share = 0.3;
constexpr std::int64_t max_phantom_classes = 10, min_phantom_size = 8;

/// `n` images of split 0 (train), 1 (val) or 2 (test); image i has label i mod classes, or, where section.task
/// is multi_label, each of so many findings, "clear" not among them, with the chance phantom_label_share; it depends on nothing
/// but the section's task, image_size, depth, channels, classes and difficulty, the seed, the split and i. Throws
/// DataError.
Images make_phantoms(std::int64_t n, std::uint64_t split, const config::DataSection& section,
                     std::uint64_t seed);

/// The three splits of section.{train,val,test}_samples images, at most section.limit in train.
Source make_phantom_source(const config::DataSection& section, std::uint64_t seed);

}  // namespace afu::data
