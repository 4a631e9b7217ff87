#include "data/medmnist.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>

#include "data/decoders.hpp"
#include "data/input_file.hpp"
#include "data/intensity.hpp"
#include "data/medmnist_catalogue.hpp"
#include "data/memory_need.hpp"
#include "data/npy_samples.hpp"
#include "data/npz.hpp"
#include "data/source_checks.hpp"
#include "data/split.hpp"

namespace afu::data {

namespace {

constexpr std::int64_t max_label = 999;

/// Takes the splits of one file out of its arrays.
class Reader {
 public:
  Reader(std::string path, NpzArrays arrays, const config::IntensitySection& intensity)
      : path_(std::move(path)), arrays_(std::move(arrays)), intensity_(intensity) {}

  Images split(const std::string& name) {
    Images out;
    take_images(name + "_images", out);
    const auto n = static_cast<std::int64_t>(out.pixels.size()) / out.image_bytes();
    out.labels = integers(name + "_labels", n);
    for (std::size_t i = 0; i < out.labels.size(); ++i)
      if (out.labels[i] < 0 || out.labels[i] > max_label)
        fail(name + "_labels",
             fmt::format("label {} in row {} is outside [0, {}]", out.labels[i], i, max_label));
    if (has_subjects()) out.subjects = integers(name + "_subjects", n);
    return out;
  }

  /// What became of samples that are no uint8.
  void tell(Source& source) const {
    if (window_)
      source.note(fmt::format(
          "{} samples were made 8-bit, {} black and {} white (data.intensity.mapping \"{}\"); {:.2f} % were "
          "outside and became black or white",
          dtype_, window_->low, window_->high, config::name_of(intensity_.mapping),
          100 * static_cast<double>(outside_) / static_cast<double>(std::max<std::int64_t>(1, samples_))));
  }

 private:
  [[noreturn]] void fail(const std::string& key, const std::string& what) const {
    throw DataError(fmt::format("{}: {}: {}", path_, key, what));
  }

  NpyArray& array(const std::string& key) {
    const auto i = arrays_.find(key);
    if (i != arrays_.end()) return i->second;
    std::vector<std::string> present;
    for (const auto& a : arrays_) present.push_back(a.first);
    fail(key, fmt::format("missing; of the members of MedMNIST's layout the file has: {}",
                          present.empty() ? "none" : fmt::format("{}", fmt::join(present, ", "))));
  }

  bool has_subjects() const {
    return arrays_.count("train_subjects") || arrays_.count("val_subjects") || arrays_.count("test_subjects");
  }

  void take_images(const std::string& key, Images& out) {
    auto& a = array(key);
    const auto& s = a.shape;
    if (a.kind == 'b') fail(key, "dtype bool, images must be integers or floats");
    if (!(s.size() == 3 || (s.size() == 4 && (s[3] == 1 || s[3] == 3))))
      fail(key, fmt::format("shape {}, images must be N x H x W or N x H x W x 3", a.shape_text()));
    if (s[1] < 1 || s[2] < 1) fail(key, fmt::format("shape {}: images without pixels", a.shape_text()));
    // Of no images, the shape may say anything: its product is 0.
    if (s[1] > max_image_side || s[2] > max_image_side)
      fail(key,
           fmt::format("shape {}: images of more than {} pixels a side", a.shape_text(), max_image_side));
    out.height = s[1];
    out.width = s[2];
    out.channels = s.size() == 4 ? s[3] : 1;
    out.pixels = a.kind == 'u' && a.item_size == 1 ? std::move(a.bytes) : eight_bits(key, a);
    a.bytes = {};
    if (out.channels > 1) channels_first(out);
  }

  /// The window is that of the first array that asks, the training images'.
  std::vector<std::uint8_t> eight_bits(const std::string& key, const NpyArray& a) {
    try {
      if (!window_) {
        const auto range = npy_range(a);
        window_ = window_of(intensity_, a.dtype(), range);
        dtype_ = a.dtype();
      }
      if (a.dtype() != dtype_)
        throw std::runtime_error(fmt::format("dtype {}, but that of train_images is {}", a.dtype(), dtype_));
      auto bytes = npy_in_window(a, *window_, outside_);
      samples_ += a.size();
      return bytes;
    } catch (const std::runtime_error& e) {
      fail(key, e.what());
    }
  }

  static void channels_first(Images& im) {
    const auto plane = static_cast<std::size_t>(im.height * im.width),
               c = static_cast<std::size_t>(im.channels);
    std::vector<std::uint8_t> image(plane * c);
    for (std::size_t at = 0; at < im.pixels.size(); at += image.size()) {
      std::copy_n(im.pixels.begin() + static_cast<std::ptrdiff_t>(at), image.size(), image.begin());
      for (std::size_t k = 0; k < c; ++k)
        for (std::size_t p = 0; p < plane; ++p) im.pixels[at + k * plane + p] = image[p * c + k];
    }
  }

  std::vector<std::int64_t> integers(const std::string& key, std::int64_t rows) {
    const auto& a = array(key);
    const auto& s = a.shape;
    if (!a.is_integer()) fail(key, fmt::format("dtype {}, allowed: signed and unsigned integers", a.dtype()));
    if (s.size() == 2 && s[1] > 1)
      fail(key,
           fmt::format("shape {}: a multi-label task, only one label an image is supported", a.shape_text()));
    if (s.empty() || s.size() > 2 || (s.size() == 2 && s[1] != 1))
      fail(key, fmt::format("shape {}, must be N or N x 1", a.shape_text()));
    if (s[0] != rows) fail(key, fmt::format("shape {} does not match {} images", a.shape_text(), rows));
    std::vector<std::int64_t> values(static_cast<std::size_t>(rows));
    for (std::int64_t i = 0; i < rows; ++i) try {
        values[static_cast<std::size_t>(i)] = a.integer(i);
      } catch (const std::range_error& e) {
        fail(key, fmt::format("row {}: {}", i, e.what()));
      }
    return values;
  }

  std::string path_;
  NpzArrays arrays_;
  config::IntensitySection intensity_;
  std::optional<Window> window_;
  std::string dtype_;
  std::int64_t outside_ = 0, samples_ = 0;
};

void check_same_shape(const std::string& path, const Images& train, const Images& other, const char* split) {
  if (other.channels != train.channels || other.height != train.height || other.width != train.width)
    throw DataError(fmt::format("{}: {}_images: {}x{}x{} pixels, but train_images has {}x{}x{}", path, split,
                                other.channels, other.height, other.width, train.channels, train.height,
                                train.width));
}

std::vector<std::string> class_names(const Source& s, const OfficialSet* known) {
  std::int64_t largest = 0;
  for (const auto* images : {&s.train, &s.val, &s.test})
    for (auto label : images->labels) largest = std::max(largest, label);
  if (known && static_cast<std::int64_t>(known->class_names.size()) == largest + 1) return known->class_names;
  std::vector<std::string> names;
  for (std::int64_t c = 0; c <= largest; ++c) names.push_back(fmt::format("class {}", c));
  return names;
}

}  // namespace

std::string file_md5(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw DataError(fmt::format("{}: cannot be opened", path));
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (!context || EVP_DigestInit_ex(context.get(), EVP_md5(), nullptr) != 1)
    throw std::runtime_error("OpenSSL offers no MD5 here");
  std::vector<char> buffer(1 << 20);
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), in.gcount() > 0)
    EVP_DigestUpdate(context.get(), buffer.data(), static_cast<std::size_t>(in.gcount()));
  if (in.bad()) throw DataError(fmt::format("{}: cannot be read", path));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_DigestFinal_ex(context.get(), digest, &length);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

Source load_medmnist(const std::string& path, const config::IntensitySection& intensity) {
  namespace fs = std::filesystem;
  std::error_code ec;
  if (!fs::exists(path, ec)) throw DataError(fmt::format("{}: no such file", path));
  if (fs::is_directory(path, ec))
    throw DataError(fmt::format("{}: a folder, an .npz file is expected", path));
  require_regular_file(path);

  std::set<std::string> wanted;
  for (const char* split : {"train", "val", "test"})
    for (const char* what : {"_images", "_labels", "_subjects"}) wanted.insert(std::string(split) + what);
  NpzLimits limits;
  if (const auto memory = usable_memory(); memory > 0 && memory / 2 < limits.max_bytes) {
    limits.max_bytes = memory / 2;
    limits.reason =
        fmt::format(": half of the {} that there are, since a federation copies them", bytes_text(memory));
  }
  std::vector<std::string> left_out;
  Reader reader(path, read_npz(path, wanted, limits, &left_out), intensity);

  Source s;
  s.name = fs::path(path).filename().string();
  if (!left_out.empty())
    s.note(fmt::format("{} members of other names were left out, the first is {:?}", left_out.size(),
                       left_out.front()));
  s.train = reader.split("train");
  s.val = reader.split("val");
  s.test = reader.split("test");
  reader.tell(s);
  if (s.train.size() == 0) throw DataError(fmt::format("{}: train_images: no images", path));
  if (s.test.size() == 0) throw DataError(fmt::format("{}: test_images: no images", path));
  check_same_shape(path, s.train, s.val, "val");
  check_same_shape(path, s.train, s.test, "test");
  if (const auto shared = shared_subjects(s); !shared.empty())
    throw DataError(fmt::format(
        "{}: {} subjects, the first is {}, stand in more than one of train_subjects, val_subjects and "
        "test_subjects; splits must not share subjects (leave these members out if that is meant)",
        path, shared.size(), shared.front()));

  s.md5 = file_md5(path);
  const auto stem = fs::path(path).stem().string();
  const auto same = official_file_by_md5(s.md5);
  const auto named = official_file_by_stem(stem);
  if (same.set)
    s.official = "official " + official_stem(same.set->flag, same.size);
  else if (named.set)
    s.official = fmt::format("not the official {} (md5 {}, official {})", stem, s.md5, named.md5);
  s.class_names = class_names(s, same.set ? same.set : named.set);
  check_classes(s, path);
  check_splits(s);
  return s;
}

}  // namespace afu::data
