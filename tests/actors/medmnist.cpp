// Files in the layouts of MedMNIST's sets, of two and of three dimensions, generated with few images: each trains and erases
// a client, end to end.
#include <fmt/format.h>

#include <cstdint>
#include <utility>

#include "base/npz_file.hpp"
#include "base/random.hpp"
#include "data/dataset.hpp"
#include "data/medmnist_catalogue.hpp"
#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

struct Layout {
  const char* flag;
  std::int64_t channels;
  std::int64_t labels = 1;  ///< columns of the label arrays
  std::int64_t depth = 1;   ///< slices of a volume
};

/// MedMNIST v2, info.py: 28 x 28 pixels, uint8; labels N x 1, of ChestMNIST N x 14.
const Layout layouts[] = {{"pathmnist", 3},   {"chestmnist", 1, 14}, {"dermamnist", 3},
                          {"octmnist", 1},    {"pneumoniamnist", 1}, {"retinamnist", 3},
                          {"breastmnist", 1}, {"bloodmnist", 3},     {"tissuemnist", 1},
                          {"organamnist", 1}, {"organcmnist", 1},    {"organsmnist", 1}};

/// Likewise: 28 x 28 x 28, uint8; labels N x 1.
const Layout volumes[] = {{"organmnist3d", 1, 1, 28},   {"nodulemnist3d", 1, 1, 28},
                          {"adrenalmnist3d", 1, 1, 28}, {"fracturemnist3d", 1, 1, 28},
                          {"vesselmnist3d", 1, 1, 28},  {"synapsemnist3d", 1, 1, 28}};

/// A folder of the test's own, gone with the object.
class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() / ("afu-test-medmnist-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// Class c, or label c, brightens the c-th of as many strips of an image.
void write_set(const std::filesystem::path& file, const Layout& layout, std::int64_t classes) {
  std::vector<std::vector<std::uint8_t>> arrays;
  std::vector<base::NpzArray> members;
  arrays.reserve(6);
  base::Stream stream({1, base::purpose("test.medmnist"), 0, 0});
  const std::int64_t few = layout.depth > 1 ? 2 : 1;  // a volume takes as long as many images
  for (const auto& [split, n] :
       {std::pair<std::string, std::int64_t>{"train", 150 / few}, {"val", 66 / few}, {"test", 66 / few}}) {
    std::vector<std::uint8_t> pixels, labels;
    for (std::int64_t i = 0; i < n; ++i) {
      std::vector<bool> has(static_cast<std::size_t>(classes), false);
      for (std::int64_t c = 0; c < classes; ++c)
        has[static_cast<std::size_t>(c)] = layout.labels > 1 ? stream.uniform() < 0.2 : c == i % classes;
      for (std::int64_t row = 0; row < layout.depth * 28; ++row)
        for (std::int64_t x = 0, y = row % 28; x < 28; ++x)
          for (std::int64_t k = 0; k < layout.channels; ++k)  // channel last
            pixels.push_back(static_cast<std::uint8_t>(
                stream.below(100) + (has[static_cast<std::size_t>(y * classes / 28)] ? 120 : 0)));
      if (layout.labels > 1)
        for (const bool h : has) labels.push_back(h ? 1 : 0);
      else
        labels.push_back(static_cast<std::uint8_t>(i % classes));
    }
    std::vector<std::int64_t> shape{n, 28, 28};
    if (layout.depth > 1) shape.push_back(layout.depth);
    if (layout.channels > 1) shape.push_back(layout.channels);
    arrays.push_back(std::move(pixels));
    members.push_back({split + "_images", 'u', 1, shape, arrays.back().data()});
    arrays.push_back(std::move(labels));
    members.push_back({split + "_labels", 'u', 1, {n, layout.labels}, arrays.back().data()});
  }
  base::write_npz(file, members);
}

const char* federation = R"(
[scenario]
name = "medmnist"
seed = 2
[data]
source = "npz"
[partition]
scheme = "iid"
clients = 3
[model]
name = "cnn_small"
[training]
batch_size = 16
lr = 0.05
momentum = 0.9
[calibration]
steps = 4
samples_per_environment = 10
[evaluation]
attacks = ["none"]
[[erasure]]
client = 0
at_update = 9
[stop]
updates = 18
)";

void erases(const Folder& folder, const Layout& layout, const std::string& method,
            std::vector<std::string> more = {}) {
  const auto* set = data::official_file_by_stem(layout.flag).set;
  REQUIRE(set);
  const auto classes = static_cast<std::int64_t>(set->class_names.size());
  const auto file = folder / (std::string(layout.flag) + ".npz");
  if (!std::filesystem::exists(file)) write_set(file, layout, classes);
  more.insert(more.end(), {"data.path=" + file.string(), "unlearning.method=" + method});
  const auto p = play(federation, more);
  CHECK(p.result.report.failure == "");
  CHECK(p.result.summary.ended == "completed");
  CHECK(p.result.classes == classes);
  CHECK(p.result.channels == layout.channels);
  CHECK(p.result.depth == layout.depth);
  REQUIRE(p.result.summary.erasures.size() == 1);
  CHECK(p.result.summary.erasures[0].forgotten_at.has_value());
  REQUIRE(p.result.summary.test_set);
  CHECK(p.result.summary.test_set->labels == (layout.labels > 1 ? 14 : 0));
  REQUIRE(p.result.summary.final.test_auc);
  CHECK(*p.result.summary.final.test_auc > 0.5);
  CHECK(p.result.summary.final.forget_accuracy.has_value());
}

}  // namespace

TEST_CASE("every layout of MedMNIST in two dimensions trains and erases a client by afu_ic") {
  const Folder folder;
  for (const auto& layout : layouts) {
    CAPTURE(layout.flag);
    erases(folder, layout, "afu_ic");
  }
}

TEST_CASE("ChestMNIST's and RetinaMNIST's layouts retrain, and erase at the target") {
  const Folder folder;
  for (const auto& layout : layouts)
    if (layout.labels > 1 || std::string(layout.flag) == "retinamnist")
      for (const std::string method : {"retrain", "gradient_ascent", "pga"}) {
        CAPTURE(layout.flag);
        CAPTURE(method);
        erases(folder, layout, method);
      }
}

namespace {

void erases_volumes(const Folder& folder, const Layout& layout) {
  CAPTURE(layout.flag);
  const std::string flag = layout.flag;
  erases(folder, layout, flag == "synapsemnist3d" ? "retrain" : "afu_ic",
         {"erasure[0].at_update=4", "stop.updates=9", "calibration.steps=2", "data.backdoor.trigger=patch",
          "data.backdoor.client=0", "evaluation.batch_size=16"});
}

}  // namespace

TEST_CASE("layouts of MedMNIST in three dimensions train and erase a client, by calibration or retraining") {
  const Folder folder;
  for (const auto& layout : {volumes[1], volumes[5]}) erases_volumes(folder, layout);
}

TEST_CASE("every layout of MedMNIST in three dimensions trains and erases a client" *
          doctest::test_suite("slow")) {
  const Folder folder;
  for (const auto& layout : volumes) erases_volumes(folder, layout);
}

TEST_CASE("what volumes do not allow is refused when the file tells them") {
  const Folder folder;
  write_set(folder / "set.npz", {"set", 1, 1, 28}, 2);
  for (const auto& [setting, refusal] :
       {std::pair<std::string, std::string>{"data.backdoor.trigger=warp",
                                            "data.backdoor.trigger: \"warp\" needs images"},
        {"compute.step=fused", "compute.step: \"fused\" has no kernels of volumes"}}) {
    std::string said;
    try {
      play(federation, {"data.path=" + (folder / "set.npz").string(), setting});
    } catch (const data::DataError& e) {
      said = e.what();
    }
    CHECK(said.find(refusal) == 0);
  }
}
