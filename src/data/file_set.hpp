#pragma once
/// Image files with what is known of each, from whoever lists them, and what becomes of them: splits, pixels, notes.
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"
#include "data/image_store.hpp"

namespace afu::data {

enum class Split { drawn, train, val, test };

struct FileRow {
  std::string path;
  std::string id;             ///< by which users name it: as the manifest has it, or below the folder
  std::size_t line = 0;       ///< of the manifest; 0: there is none
  std::int64_t label = 0;     ///< as Images::labels has it
  std::int64_t subject = -1;  ///< -1: unknown
  std::int64_t site = -1;     ///< an index of the set's site_names; -1: the set tells none
  Split split = Split::drawn;
};

/// Why a file or a row cannot be used; the text begins with the file, and of a manifest with its line before that.
struct Unusable {
  std::size_t line = 0;
  std::string text;
};

struct FileSet {
  std::string where;            ///< the folder or the manifest
  bool is_manifest = false;     ///< whose rows have lines
  bool tells_subjects = false;  ///< of every row, so that no DICOM file is asked for its patient
  std::int64_t label_bits = 0;  ///< as Images has it
  std::vector<std::string> class_names, site_names;
  std::map<std::int64_t, std::string> subject_names;
  std::vector<FileRow> rows;
  std::vector<Unusable> unusable;  ///< not among the rows
};

/// What messages say of the names that tell a subject.
inline constexpr const char* subject_pattern =
    "OASn_nnnn_*.jpg or .png, each n a digit; in OAS1_0171_MR1_102.jpg the subject is 1_0171";

/// Reads the set's files into `source` (its name and notes may hold something already): the images of each split, the names
/// of classes, sites and subjects, and notes on what was left out or altered. DICOM files tell their subjects where the set
/// does not. Where rows name no split, splits are drawn from `seed`, by subject where section.split_by_subject says so and
/// all are known; the slices of one volume are then a subject where none is. At most section.limit training images are
/// decoded. Throws DataError where more than section.unusable_share of the files cannot be used, with the first ten reasons;
/// where only some files tell a subject and the split is to be by subject; where the images would not fit into memory; and
/// where fewer than two classes are left. What `store` kept of the same files, by their names, sizes and times of change,
/// is taken as it is.
void load_files(FileSet set, const config::DataSection& section, std::uint64_t seed, Source& source,
                ImageStore& store);

}  // namespace afu::data
