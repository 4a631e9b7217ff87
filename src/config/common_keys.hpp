#pragma once
/// The keys that people touch, with which the reference begins.
#include <vector>

namespace afu::config {

struct CommonKey {
  const char* key;   ///< as `--set` takes it
  const char* help;  ///< what it is, on one line
};
/// Ten: by how many of the scenarios that come with the program set them, but for names, output, and what only a
/// backdoor or the generated images need; in the order of the reference's sections.
const std::vector<CommonKey>& common_keys();

}  // namespace afu::config
