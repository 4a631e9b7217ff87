#pragma once
/// What every reader asks of what it is to read, and of what it has read.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/choices.hpp"
#include "data/dataset.hpp"

namespace afu::data {

/// The source that reads what `path` leads to: a folder, a table (.csv, .tsv), a zip archive. Nothing where it leads nowhere, or to
/// anything else. Throws DataError where the file cannot be opened.
std::optional<config::DataSource> source_of(const std::string& path);

/// Throws DataError where `path` leads to what another source reads, and names that source.
void check_kind(const std::string& path, config::DataSource source);

/// Throws DataError where the training images are of fewer than two classes, or all have the same set of labels; `where` begins the message.
/// Classes of which train, val or test has no image are named in source.notes; of val where there is one.
void check_classes(Source& source, const std::string& where);

/// The SHA-256 of an image's pixels.
using ImageDigest = std::array<std::uint8_t, 32>;
/// Of train, val and test, in this order, on all cores.
std::vector<ImageDigest> image_digests(const Source& source);
/// Of all these images: 64 hexadecimal digits.
std::string pixels_checksum(const std::vector<ImageDigest>& digests);

/// Notes labels that begin at 1 or have holes; subjects of val that stand in train or test too (those of both of these a run
/// tells anyway); and how many images of one split have the same pixels as one of another. `digests`: image_digests of it.
void check_splits(Source& source, const std::vector<ImageDigest>& digests);
inline void check_splits(Source& source) { check_splits(source, image_digests(source)); }

}  // namespace afu::data
