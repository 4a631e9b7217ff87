#pragma once
/// A table that names image files and what is known of each (configs/your_images.md).
#include <cstdint>
#include <string>

#include "base/table_file.hpp"
#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"
#include "data/file_set.hpp"
#include "data/image_store.hpp"

namespace afu::data {

/// Columns as section.columns calls them; others are not looked at. What becomes of the files: load_files. Throws DataError
/// where the table has no column of paths or of labels, or one of weights, which nothing serves; and where more rows cannot
/// be used than section.unusable_share allows.
Source load_manifest(const std::string& path, const config::DataSection& section, std::uint64_t seed,
                     ImageStore& store);
/// In memory.
Source load_manifest(const std::string& path, const config::DataSection& section, std::uint64_t seed);

/// The rows of `table`. `path` begins messages, and relative paths are relative to its folder. Every row that cannot be used
/// stands in FileSet::unusable: one of more or fewer cells than the header; without a path, a label, or a subject, site or
/// split where the table has such a column; a split that is none; control characters; or a path that
/// another row has. Where section.task is multi_label, or auto and some row's label holds a "|", images may have any number of
/// labels: names separated by "|", or none ("" or "|"); a row that names one twice cannot be used. Throws DataError for one
/// label or more than most_labels then.
FileSet files_of_manifest(const base::Table& table, const std::string& path,
                          const config::DataSection& section);

}  // namespace afu::data
