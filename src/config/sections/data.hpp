#pragma once
/// [data].
#include <cstdint>
#include <string>

#include "config/choices.hpp"
#include "config/sections/backdoor.hpp"

namespace afu::config {

/// What a manifest's columns are called.
struct ManifestColumns {
  std::string path = "path", label = "label", subject = "subject", site = "site", split = "split",
              weight = "weight";
};

/// How samples of more than 8 bits become 8.
struct IntensitySection {
  IntensityMapping mapping = IntensityMapping::stored;
  double low = 0, high = 255;  ///< window: become black and white
};

/// Which slices of a volume are images.
struct SlicesSection {
  SliceAxis axis = SliceAxis::axial;
  std::int64_t count = 1;      ///< 0: all of the range
  double first = 0, last = 1;  ///< the range, as parts of the extent
};

struct DataSection {
  DataSource source = DataSource::phantom;
  DataTask task = DataTask::auto_;
  std::string path;              ///< npz file, folder or manifest; see resolve_data_path
  std::int64_t image_size = 28;  ///< pixels a side: phantom, and what files are resized to
  std::int64_t depth = 1;        ///< slices of a volume, 1: images: phantom, and what files are resized to
  std::int64_t channels = 1;     ///< 1 or 3: phantom, files
  std::int64_t classes = 4;      ///< phantom only
  std::int64_t train_samples = 2000;  ///< phantom: how many to generate
  std::int64_t val_samples = 400;     ///< phantom
  std::int64_t test_samples = 800;    ///< phantom
  double difficulty = 0.5;            ///< phantom: 0 trivial, 1 very hard
  std::int64_t limit = 0;             ///< use at most so many training samples, 0: all
  double val_fraction = 0.1;          ///< files
  double test_fraction = 0.2;         ///< files
  /// Files: keep a subject's images in one split when subjects are known.
  bool split_by_subject = true;
  bool as_rgb = false;                      ///< npz, files: grey images get three channels, all the same
  ImageLayout layout = ImageLayout::auto_;  ///< npz
  std::string cache = "auto";  ///< of decoded images: "auto", "off" or a folder (data/decoded_cache.hpp)
  double unusable_share = 0;   ///< of the files, at most so many may be left out
  PatientNames patients = PatientNames::numbered;
  std::string patient_salt_file;  ///< hashed
  ManifestColumns columns;
  IntensitySection intensity;
  SlicesSection slices;
  Backdoor backdoor;
};

}  // namespace afu::config
