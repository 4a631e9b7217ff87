#pragma once
/// One folder a class, each with JPEG or PNG images: the layout of most sets of images.
#include <cstdint>
#include <optional>
#include <string>

#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"

namespace afu::data {

/// Classes are the sub-folders in order of their names. Images are resized to section.image_size and given
/// section.channels. The split into train, val and test is drawn from `seed`, stratified by class; where
/// section.split_by_subject and every file's name tells its subject, it is a split of the subjects, with each
/// class's images divided as nearly as whole subjects allow (a class of two subjects: one in train, one in
/// test). At most section.limit training images are decoded. Source::notes count what was left out (files
/// that are no images) or altered. Throws DataError, which names the folder or file, all
/// that cannot be read or the first ten of them, also where only some names tell their subject and the split is to be by subject, where a class folder holds images of formats
/// that are not read, and where the images would not fit into memory.
Source load_image_folder(const std::string& path, const config::DataSection& section, std::uint64_t seed);

/// What messages say of subject_of_name.
inline constexpr const char* subject_pattern =
    "OASn_nnnn_*.jpg or .png, each n a digit; in OAS1_0171_MR1_102.jpg the subject is 1_0171";

/// The subject in a file name of OASIS, `OAS1_0171_MR1_mpr-1_102.jpg`: 10171 (the study's number, then the
/// subject's four digits). None where the name has another form.
std::optional<std::int64_t> subject_of_name(const std::string& file_name);

}  // namespace afu::data
