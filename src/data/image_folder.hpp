#pragma once
/// One folder a class, each with image files: the layout of most sets of images.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"
#include "data/file_set.hpp"
#include "data/image_store.hpp"

namespace afu::data {

/// Classes are the sub-folders in order of their names. What becomes of the files: load_files. A file name of OASIS tells
/// its subject. Source::notes count what was left out (files that are no images) or altered. Throws DataError, which names
/// the folder or file, also where a class folder holds images of formats that are not read, more of them than
/// section.unusable_share.
Source load_image_folder(const std::string& path, const config::DataSection& section, std::uint64_t seed,
                         ImageStore& store);
/// In memory.
Source load_image_folder(const std::string& path, const config::DataSection& section, std::uint64_t seed);

/// The files alone; `notes` gets what is no image.
FileSet list_image_folder(const std::string& path, std::vector<std::string>& notes);

/// The subject in a file name of OASIS, `OAS1_0171_MR1_mpr-1_102.jpg`: 10171 (the study's number, then the
/// subject's four digits). None where the name has another form.
std::optional<std::int64_t> subject_of_name(const std::string& file_name);

}  // namespace afu::data
