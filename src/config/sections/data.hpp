#pragma once
/// [data].
#include <cstdint>
#include <string>

#include "config/choices.hpp"
#include "config/sections/backdoor.hpp"

namespace afu::config {

struct DataSection {
  DataSource source = DataSource::phantom;
  std::string path;                   ///< npz file or folder; see resolve_data_path
  std::int64_t image_size = 28;       ///< pixels a side: phantom, and image_folder's resize target
  std::int64_t channels = 1;          ///< 1 or 3: phantom, image_folder
  std::int64_t classes = 4;           ///< phantom only
  std::int64_t train_samples = 2000;  ///< phantom: how many to generate
  std::int64_t val_samples = 400;     ///< phantom
  std::int64_t test_samples = 800;    ///< phantom
  double difficulty = 0.5;            ///< phantom: 0 trivial, 1 very hard
  std::int64_t limit = 0;             ///< use at most so many training samples, 0: all
  double val_fraction = 0.1;          ///< image_folder
  double test_fraction = 0.2;         ///< image_folder
  /// image_folder: keep a subject's images in one split when subjects are known.
  bool split_by_subject = true;
  Backdoor backdoor;
};

}  // namespace afu::config
