#pragma once
/// What is known about the official MedMNIST v2 files: 18 sets, in 28, 64, 128 and 224 pixels, those in 3D in 28 and 64.
#include <map>
#include <string>
#include <vector>

namespace afu::data {

struct OfficialSet {
  std::string flag;                      ///< the stem of the file of 28 pixels: "breastmnist"
  std::map<int, std::string> md5s;       ///< of the file of each size, pixels
  std::vector<std::string> class_names;  ///< as MedMNIST's info file has them
};

struct OfficialFile {
  const OfficialSet* set = nullptr;  ///< null: none is known
  int size = 0;                      ///< pixels
  std::string md5;
};

/// "breastmnist", of 64 pixels "breastmnist_64".
std::string official_stem(const std::string& flag, int size);

OfficialFile official_file_by_md5(const std::string& md5);
OfficialFile official_file_by_stem(const std::string& stem);

}  // namespace afu::data
