#pragma once
/// Images and their labels in memory, and how a federation divides them. No tensors here: lanes upload the
/// pool.
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/indices.hpp"
#include "data/pixels.hpp"
#include "data/target_label.hpp"

namespace afu::data {

/// What is wrong with the user's data or with what a scenario asks of it. The message names the file or the
/// key.
class DataError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

using base::Indices;
using base::IndicesPtr;

/// N images, N x C x H x W, or volumes, N x C x D x H x W with D > 1, uint8, contiguous; labels in [0, classes), or, where an
/// image has any number of labels, sets of labels (data/label_set.hpp): one int64 an image either way, so that nothing that
/// copies rows need know.
struct Images {
  std::int64_t channels = 1, height = 0, width = 0;
  Pixels pixels;
  std::vector<std::int64_t> labels;
  std::vector<std::int64_t> subjects;  ///< one an image, or empty where none are known
  std::vector<std::int64_t> sites;     ///< likewise: where it comes from, an index of the source's site_names
  /// Likewise, of a source that reads files: the path by which users name it. A file of several images has them all.
  std::vector<std::string> ids{};
  std::int64_t label_bits =
      0;  ///< 0: a label is a class; else bit l of it says whether the image has label l, below this
  std::int64_t depth = 1;  ///< slices; 1: images
  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  std::int64_t image_bytes() const { return channels * depth * height * width; }
  /// Of one: C, H, W, or C, D, H, W.
  Indices dims() const {
    return depth > 1 ? Indices{channels, depth, height, width} : Indices{channels, height, width};
  }
};

/// A data set as its source delivers it.
struct Source {
  std::string name;  ///< file name, folder name or "phantom"
  std::vector<std::string> class_names;
  std::vector<std::string> site_names;  ///< in byte order; empty where none are known
  std::map<std::int64_t, std::string>
      subject_names;  ///< of those that have one; another is called by its number
  Images train, val, test;
  Indices limited_to{};                ///< rows of the file's training split that data.limit kept; empty: all
  std::int64_t rows_before_limit = 0;  ///< of that split; 0: as many as there are
  std::vector<std::string> ids_left_out{};  ///< of a source that reads files: those of no split, ascending
  std::string md5;                          ///< of the file; empty where there is none
  std::string official;  ///< "official breastmnist", "not the official breastmnist", "" where none is known
  std::vector<std::string> notes;  ///< what was left out or altered while it was read, one sentence each
  std::int64_t classes() const { return static_cast<std::int64_t>(class_names.size()); }
  bool multi_label() const { return train.label_bits > 0; }  ///< images have any number of labels
  /// The same words are kept once.
  void note(std::string text) {
    if (std::find(notes.begin(), notes.end(), text) == notes.end()) notes.push_back(std::move(text));
  }
};

/// What one site's scanner does to an image: x <- blurred(field * gain * x^gamma) + noise
/// (data/site_shift.hpp).
struct SiteShift {
  double gamma = 1, gain = 1;
  double noise = 0;  ///< deviation, of the full range
  double bias = 0;   ///< largest modulus of the field's logarithm
  /// Weights of the cosines that the logarithm is a sum of; the last four are those that change from slice to slice.
  std::array<double, 9> waves{};
  double blur = 0;  ///< deviation of the point spread, pixels
  bool any() const { return gamma != 1 || gain != 1 || noise > 0 || bias > 0 || blur > 0; }
};

/// What one client owns. `train` rows may be poisoned copies; `clean_train` are the same samples before
/// poisoning.
struct ClientShare {
  IndicesPtr train;
  IndicesPtr holdout;  ///< never trained on: the non-members of membership attacks
};

/// The test images that come from one site.
struct SiteTest {
  std::string site;          ///< as the manifest has it; empty: the simulated scanner of a client
  std::int64_t client = -1;  ///< whose site it is; -1: nobody's that trains
  IndicesPtr rows;           ///< ascending, not empty
};

/// The pool of all images of a run, and who owns which. Rows are appended for poisoned and triggered images,
/// so that training and evaluation need no special case.
struct FederatedData {
  std::shared_ptr<const Images> pool;
  std::vector<std::string> class_names;
  std::vector<std::string> client_names;  ///< one a client, where clients are sites; empty otherwise
  std::map<std::int64_t, std::string> subject_names;  ///< as the source has them
  std::vector<ClientShare> clients;
  IndicesPtr test;
  IndicesPtr val;  ///< validation rows left after the calibration set was taken
  /// One environment a client; of one that ever asks for an erasure it is unused, or empty.
  std::vector<IndicesPtr> calibration;
  /// Places of environments that are taken by an image which stands in another one too.
  std::size_t calibration_repeats = 0;
  /// Held-out images that neither are non-members nor calibrate: of subjects that gave others to the
  /// calibration.
  std::size_t set_aside = 0;
  std::vector<SiteShift> sites;      ///< one a client; empty: no shift
  std::vector<SiteTest> site_tests;  ///< all test images, each once; empty: where they come from is not known
  IndicesPtr triggered_test;         ///< test images of other classes with the trigger on; empty: no backdoor
  /// The images of triggered_test, in its order, with a trigger of another family: nobody was trained on it.
  IndicesPtr control_test;
  /// The backdoor client's held-out samples, as large a share of them poisoned as of its training samples:
  /// what its poisoned samples are exchangeable with as long as nobody was trained on either. Null: no
  /// backdoor.
  IndicesPtr poisoned_holdout;
  TargetLabel backdoor_target;
  std::int64_t backdoor_client = -1;
  std::int64_t poisoned = 0;        ///< how many of the client's samples were poisoned
  std::int64_t poisoned_begin = 0;  ///< the poisoned copies are the pool's rows [begin, begin + poisoned)
  Indices poisoned_originals;       ///< the rows that these are copies of, in the same order
  /// Classes, or labels: what the network has an answer for each.
  std::int64_t classes() const { return static_cast<std::int64_t>(class_names.size()); }
  bool multi_label() const { return pool && pool->label_bits > 0; }  ///< images have any number of labels
};

}  // namespace afu::data
