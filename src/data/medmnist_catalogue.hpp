#pragma once
/// What is known about the official MedMNIST v2 files of 28 x 28 pixels.
#include <string>
#include <vector>

namespace afu::data {

struct OfficialSet {
  std::string flag;                      ///< the file's stem: "breastmnist"
  std::string md5;                       ///< of the 28 x 28 file
  std::vector<std::string> class_names;  ///< as MedMNIST's info file has them
};

/// Null where none is known.
const OfficialSet* official_set_by_md5(const std::string& md5);
/// `stem` may carry a size: "breastmnist_64" is the breastmnist of another file, so its MD5 does not apply.
const OfficialSet* official_set_by_stem(const std::string& stem);

}  // namespace afu::data
