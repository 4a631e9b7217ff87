#include "data/medmnist.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
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
#include "data/parallel.hpp"
#include "data/source_checks.hpp"
#include "data/split.hpp"

namespace afu::data {

namespace {

constexpr std::int64_t max_label = 999;
constexpr std::size_t piece_bytes = 32u << 20;  ///< of an array, decoded at once

/// Where the images of an array have their dimensions.
struct Shape {
  std::int64_t count = 0, depth = 1, height = 0, width = 0, stored = 1;  ///< stored: channels in the file
  std::int64_t channels = 1;                                             ///< of what they become
  bool channels_last = false;
  std::size_t plane() const { return static_cast<std::size_t>(depth * height * width); }  ///< of a channel
  std::size_t stored_bytes() const { return static_cast<std::size_t>(stored) * plane(); }
  std::size_t bytes() const { return static_cast<std::size_t>(channels) * plane(); }
};

/// Takes the splits of one file out of its arrays.
class Reader {
 public:
  Reader(std::string path, const NpzReader& file, const config::DataSection& section, ImageStore& store)
      : path_(std::move(path)), file_(file), section_(section), store_(store) {}

  /// Bytes of the decoded images of all splits. The shapes are checked.
  std::uint64_t bytes() {
    std::uint64_t all = 0;
    for (const auto* split : {"train", "val", "test"}) {
      const auto shape = shape_of(std::string(split) + "_images");
      images_ += shape.count;
      all += static_cast<std::uint64_t>(shape.count) * shape.bytes();
    }
    return all;
  }

  Images split(const std::string& name) {
    Images out;
    take_images(name + "_images", out);
    const auto n = static_cast<std::int64_t>(out.pixels.size()) / out.image_bytes();
    take_labels(name + "_labels", n, out);
    if (has_subjects()) out.subjects = integers(name + "_subjects", n);
    return out;
  }

  /// What the images were taken for, and what became of samples that are no uint8.
  void tell(Source& source) const {
    if (source.train.depth > 1 && section_.layout == Layout::auto_)
      source.note(
          fmt::format("images are read as volumes: {} slices of {} x {} pixels, {} (data.layout \"auto\")",
                      source.train.depth, source.train.height, source.train.width,
                      source.train.channels == 1 ? "one channel" : "three channels"));
    if (window_)
      source.note(fmt::format(
          "{} samples were made 8-bit, {} black and {} white (data.intensity.mapping \"{}\"); {:.2f} % were "
          "outside and became black or white",
          dtype_, window_->low, window_->high, config::name_of(section_.intensity.mapping),
          100 * static_cast<double>(outside_) / static_cast<double>(std::max<std::int64_t>(1, samples_))));
  }

 private:
  [[noreturn]] void fail(const std::string& key, const std::string& what) const {
    throw DataError(fmt::format("{}: {}: {}", path_, key, what));
  }

  void require(const std::string& key) const {
    if (file_.has(key)) return;
    const auto present = file_.names();
    fail(key, fmt::format("missing; of the members of MedMNIST's layout the file has: {}",
                          present.empty() ? "none" : fmt::format("{}", fmt::join(present, ", "))));
  }

  bool has_subjects() const {
    return file_.has("train_subjects") || file_.has("val_subjects") || file_.has("test_subjects");
  }

  using Layout = config::ImageLayout;

  /// What an array of that shape, of four dimensions or more, can be, as data.layout has it.
  std::vector<Layout> readings(const std::vector<std::int64_t>& s) const {
    const auto some = [](std::int64_t n) { return n == 1 || n == 3; };
    std::vector<Layout> all;
    if (s.size() == 4) {
      if (some(s[3])) all.push_back(Layout::nhwc);
      if (some(s[1])) all.push_back(Layout::nchw);
      // Where there may be channels nothing else is meant, unless the user says so.
      if (s[1] > 1 && (all.empty() || section_.layout == Layout::ndhw)) all.push_back(Layout::ndhw);
    } else if (s.size() == 5) {
      if (some(s[4]) && s[1] > 1) all.push_back(Layout::ndhwc);
      if (some(s[1]) && s[2] > 1) all.push_back(Layout::ncdhw);
    }
    if (section_.layout == Layout::auto_) return all;
    const bool possible = std::find(all.begin(), all.end(), section_.layout) != all.end();
    return possible ? std::vector<Layout>{section_.layout} : std::vector<Layout>{};
  }

  /// What is allowed, as data.layout has it.
  std::string allowed() const {
    const auto or_auto = [&](Layout l) { return section_.layout == Layout::auto_ || section_.layout == l; };
    std::string text = "images must be N x H x W";
    if (or_auto(Layout::nhwc)) text += ", N x H x W x 1 or N x H x W x 3";
    if (or_auto(Layout::nchw)) text += ", N x 1 x H x W or N x 3 x H x W";
    std::string volumes;
    if (or_auto(Layout::ndhw)) volumes += "N x D x H x W";
    if (or_auto(Layout::ndhwc))
      volumes += std::string(volumes.empty() ? "" : ", ") + "N x D x H x W x 1 or 3";
    if (or_auto(Layout::ncdhw))
      volumes += std::string(volumes.empty() ? "" : ", ") + "N x 1 or 3 x D x H x W";
    return volumes.empty() ? text : text + "; volumes, of two slices or more, " + volumes;
  }

  /// "28 x 28 pixels of 3 channels (data.layout = "nhwc")"
  static std::string reading_text(Layout layout, const std::vector<std::int64_t>& s) {
    const auto name = config::quoted(layout);
    switch (layout) {
      case Layout::nhwc:
        return fmt::format("{} x {} pixels of {} channels (data.layout = {})", s[1], s[2], s[3], name);
      case Layout::nchw:
        return fmt::format("{} x {} of {} ({})", s[2], s[3], s[1], name);
      case Layout::ndhwc:
        return fmt::format("volumes of {} x {} x {} pixels of {} channels (data.layout = {})", s[1], s[2],
                           s[3], s[4], name);
      case Layout::ncdhw:
        return fmt::format("{} x {} x {} of {} ({})", s[2], s[3], s[4], s[1], name);
      case Layout::ndhw:
      case Layout::auto_:
        break;
    }
    return fmt::format("{} x {} x {} of 1 ({})", s[1], s[2], s[3], name);
  }

  Shape shape_of(const std::string& key) const {
    require(key);
    const auto a = file_.header(key);
    const auto& s = a.shape;
    if (a.kind == 'b') fail(key, "dtype bool, images must be integers or floats");
    Shape shape;
    // Where rows begin, and channels stand; 0: there is one.
    std::size_t row = 1, channel = 0;
    if (s.size() != 3) {
      const auto all = readings(s);
      if (all.size() == 2)
        fail(key, fmt::format("shape {} can be read as {} and as {}: say which", a.shape_text(),
                              reading_text(all[0], s), reading_text(all[1], s)));
      if (all.empty()) fail(key, fmt::format("shape {}, {}", a.shape_text(), allowed()));
      const auto layout = all.front();
      shape.channels_last = layout == Layout::nhwc || layout == Layout::ndhwc;
      const bool first = layout == Layout::nchw || layout == Layout::ncdhw;
      const bool volumes = layout == Layout::ndhw || layout == Layout::ndhwc || layout == Layout::ncdhw;
      if (shape.channels_last || first) channel = shape.channels_last ? s.size() - 1 : 1;
      row = first ? 2 : 1;
      if (volumes) shape.depth = s[row++];
    } else if (section_.layout == Layout::ndhw || section_.layout == Layout::ndhwc ||
               section_.layout == Layout::ncdhw) {
      fail(key, fmt::format("shape {}, data.layout = {} asks for volumes", a.shape_text(),
                            config::quoted(section_.layout)));
    }
    shape.count = s[0];
    shape.height = s[row];
    shape.width = s[row + 1];
    if (channel > 0) shape.stored = s[channel];
    shape.channels = section_.as_rgb ? 3 : shape.stored;
    if (shape.height < 1 || shape.width < 1)
      fail(key, fmt::format("shape {}: images without pixels", a.shape_text()));
    // Of no images, the shape may say anything: its product is 0.
    if (shape.depth > max_image_side || shape.height > max_image_side || shape.width > max_image_side)
      fail(key,
           fmt::format("shape {}: images of more than {} pixels a side", a.shape_text(), max_image_side));
    if (shape.depth > max_volume_samples / (shape.height * shape.width))
      fail(key, fmt::format("shape {}: volumes of more than {} samples", a.shape_text(), max_volume_samples));
    return shape;
  }

  void take_images(const std::string& key, Images& out) {
    const auto shape = shape_of(key);
    out.height = shape.height;
    out.width = shape.width;
    out.channels = shape.channels;
    out.depth = shape.depth;
    out.pixels = store_.take(static_cast<std::size_t>(shape.count) * shape.bytes());
    find_window(key);
    // While one piece is put in its place, the next one is unpacked.
    std::future<void> placing;
    file_.pieces(key, piece_bytes, [&](NpyArray rows, std::int64_t first) {
      if (placing.valid()) placing.get();
      const auto count = rows.shape.front();
      placing = std::async(std::launch::async, [&, first, rows = std::move(rows)] {
        std::vector<std::uint8_t> made;
        if (window_)
          made = eight_bits(key, rows, first * (rows.size() / std::max<std::int64_t>(1, rows.shape.front())));
        const auto* bytes = window_ ? made.data() : rows.bytes.data();
        parallel_for(rows.shape.front(), [&](std::int64_t r) {
          const auto i = static_cast<std::size_t>(r);
          put(shape, bytes + i * shape.stored_bytes(),
              out.pixels.data() + (static_cast<std::size_t>(first) + i) * shape.bytes());
        });
      });
      done_ += count;
      store_.progress(done_, images_);
    });
    if (placing.valid()) placing.get();
  }

  /// One image: channels first, and grey ones as often as there are channels.
  static void put(const Shape& shape, const std::uint8_t* from, std::uint8_t* to) {
    const auto plane = shape.plane();
    const auto stored = static_cast<std::size_t>(shape.stored);
    for (std::size_t k = 0; k < stored; ++k)
      if (!shape.channels_last || stored == 1)
        std::copy_n(from + k * plane, plane, to + k * plane);
      else
        for (std::size_t p = 0; p < plane; ++p) to[k * plane + p] = from[p * stored + k];
    for (auto k = stored; k < static_cast<std::size_t>(shape.channels); ++k)
      std::copy_n(to, plane, to + k * plane);
  }

  /// The window is that of the first array that asks, the training images'.
  void find_window(const std::string& key) {
    const auto a = file_.header(key);
    const bool bytes = a.kind == 'u' && a.item_size == 1;
    if (bytes && !window_) return;
    naming(key, [&] {
      if (!window_) {
        SampleRange range;
        bool any = false;
        file_.pieces(key, piece_bytes, [&](const NpyArray& rows, std::int64_t first) {
          naming(key, [&] {
            const auto part =
                npy_range(rows, first * (rows.size() / std::max<std::int64_t>(1, rows.shape.front())));
            if (!any) range = part;
            if (rows.size() > 0 && any) {
              range.least = std::min(range.least, part.least);
              range.most = std::max(range.most, part.most);
            }
            any = true;
          });
        });
        window_ = window_of(section_.intensity, a.dtype(), range);
        dtype_ = a.dtype();
      }
      if (a.dtype() != dtype_)
        throw std::runtime_error(fmt::format("dtype {}, but that of train_images is {}", a.dtype(), dtype_));
    });
  }

  std::vector<std::uint8_t> eight_bits(const std::string& key, const NpyArray& rows,
                                       std::int64_t first_sample) {
    std::vector<std::uint8_t> bytes;
    naming(key, [&] {
      bytes = npy_in_window(rows, *window_, outside_, first_sample);
      samples_ += rows.size();
    });
    return bytes;
  }

  /// What `body` throws names the file and the array.
  template <class Body>
  void naming(const std::string& key, const Body& body) const {
    try {
      body();
    } catch (const DataError&) {
      throw;
    } catch (const std::runtime_error& e) {
      fail(key, e.what());
    }
  }

  void take_labels(const std::string& key, std::int64_t rows, Images& out) {
    require(key);
    const auto a = file_.array(key);
    const bool sets = a.shape.size() == 2 && a.shape[1] > 1;
    if (sets != (section_.task == config::DataTask::multi_label) && section_.task != config::DataTask::auto_)
      fail(key, fmt::format("shape {}, data.task = {} asks for {}", a.shape_text(),
                            config::quoted(section_.task), sets ? "N or N x 1" : "N x labels, 2 or more"));
    if (sets) return take_sets(key, a, rows, out);
    out.labels = integers(key, rows);
    for (std::size_t i = 0; i < out.labels.size(); ++i)
      if (out.labels[i] < 0 || out.labels[i] > max_label)
        fail(key, fmt::format("label {} in row {} is outside [0, {}]", out.labels[i], i, max_label));
  }

  /// N x L of 0 and 1, as ChestMNIST has them.
  void take_sets(const std::string& key, const NpyArray& a, std::int64_t rows, Images& out) const {
    if (!a.is_integer()) fail(key, fmt::format("dtype {}, allowed: signed and unsigned integers", a.dtype()));
    if (a.shape[1] > most_labels)
      fail(key, fmt::format("shape {}: {} labels an image, allowed are {}", a.shape_text(), a.shape[1],
                            most_labels));
    if (a.shape[0] != rows) fail(key, fmt::format("shape {} does not match {} images", a.shape_text(), rows));
    out.label_bits = a.shape[1];
    for (std::int64_t i = 0; i < rows; ++i) {
      std::int64_t set = 0;
      for (std::int64_t l = 0; l < out.label_bits; ++l) {
        const auto at = i * out.label_bits + l;
        std::int64_t value = -1;
        try {
          value = a.integer(at);
        } catch (const std::range_error& e) {
          fail(key, fmt::format("row {}, column {}: {}", i, l, e.what()));
        }
        if (value != 0 && value != 1)
          fail(key, fmt::format(
                        "row {}, column {}: {}, allowed are 0 and 1 where an image has any number of labels",
                        i, l, value));
        if (value == 1) set = with_label(set, l);
      }
      out.labels.push_back(set);
    }
  }

  std::vector<std::int64_t> integers(const std::string& key, std::int64_t rows) {
    require(key);
    const auto a = file_.array(key);
    const auto& s = a.shape;
    if (!a.is_integer()) fail(key, fmt::format("dtype {}, allowed: signed and unsigned integers", a.dtype()));
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
  const NpzReader& file_;
  const config::DataSection& section_;
  ImageStore& store_;
  std::optional<Window> window_;
  std::string dtype_;
  std::int64_t outside_ = 0, samples_ = 0;
  std::int64_t images_ = 0, done_ = 0;
};

/// What the decoded images of a file are kept under.
std::string key_of(const std::string& md5, const config::DataSection& section) {
  return image_key("npz " + md5 + "\n" + decoding_key(section, 0));
}

void check_same_shape(const std::string& path, const Images& train, const Images& other, const char* split) {
  if (other.dims() != train.dims())
    throw DataError(fmt::format("{}: {}_images: {} pixels, but train_images has {}", path, split,
                                fmt::join(other.dims(), "x"), fmt::join(train.dims(), "x")));
}

void check_same_task(const std::string& path, const Images& train, const Images& other, const char* split) {
  if (other.label_bits != train.label_bits)
    throw DataError(fmt::format("{}: {}_labels: {} labels an image, but train_labels has {}", path, split,
                                std::max<std::int64_t>(1, other.label_bits),
                                std::max<std::int64_t>(1, train.label_bits)));
}

std::vector<std::string> label_names(std::int64_t count, const OfficialSet* known) {
  if (known && static_cast<std::int64_t>(known->class_names.size()) == count) return known->class_names;
  std::vector<std::string> names;
  for (std::int64_t l = 0; l < count; ++l) names.push_back(fmt::format("label {}", l));
  return names;
}

std::vector<std::string> class_names(const Source& s, const OfficialSet* known) {
  if (s.multi_label()) return label_names(s.train.label_bits, known);
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

Source load_medmnist(const std::string& path, const config::DataSection& section) {
  ImageStore memory;
  return load_medmnist(path, section, memory);
}

Source load_medmnist(const std::string& path, const config::DataSection& section, ImageStore& store) {
  namespace fs = std::filesystem;
  std::error_code ec;
  if (!fs::exists(path, ec)) throw DataError(fmt::format("{}: no such file", path));
  require_regular_file(path);

  Source s;
  const auto name = fs::path(path).filename().string();
  const auto kept = [&](const std::string& md5) {
    auto found = store.find(key_of(md5, section));
    if (!found) return false;
    s = std::move(*found);
    s.name = name;
    return true;
  };
  const auto state = file_state(path);
  auto md5 = store.noted_md5(path);
  if (!md5.empty() && kept(md5)) return s;

  std::set<std::string> wanted;
  for (const char* split : {"train", "val", "test"})
    for (const char* what : {"_images", "_labels", "_subjects"}) wanted.insert(std::string(split) + what);
  NpzLimits limits;
  const auto memory = usable_memory();
  const auto in_memory = [&] {
    limits.max_bytes = std::min(limits.max_bytes, memory / 2);
    limits.reason =
        fmt::format(": half of the {} that there are, since a federation copies them", bytes_text(memory));
  };
  if (memory > 0 && store.off()) in_memory();
  std::vector<std::string> left_out;
  const NpzReader file(path, wanted, limits, &left_out);
  Reader reader(path, file, section, store);
  const auto bytes = reader.bytes();
  if (store.wants(bytes)) {
    md5 = file_md5(path);
    if (kept(md5)) {
      store.note_md5(path, state, md5);
      return s;
    }
    store.begin(key_of(md5, section), fs::absolute(path).string() + "\n" + decoding_key(section, 0), bytes);
  }
  if (!store.in_file() && memory > 0 && bytes > memory / 2) {
    in_memory();
    throw DataError(fmt::format("{}: the images take {}, allowed at most {}{}", path, bytes_text(bytes),
                                bytes_text(limits.max_bytes), limits.reason));
  }

  s.name = name;
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
  check_same_task(path, s.train, s.val, "val");
  check_same_task(path, s.train, s.test, "test");
  if (const auto shared = shared_subjects(s); !shared.empty())
    throw DataError(fmt::format(
        "{}: {} subjects, the first is {}, stand in more than one of train_subjects, val_subjects and "
        "test_subjects; splits must not share subjects (leave these members out if that is meant)",
        path, shared.size(), shared.front()));

  s.md5 = md5.empty() ? file_md5(path) : md5;
  const auto stem = fs::path(path).stem().string();
  const auto same = official_file_by_md5(s.md5);
  const auto named = official_file_by_stem(stem);
  if (same.set)
    s.official = "official " + official_stem(same.set->flag, same.size);
  else if (named.set)
    s.official = fmt::format("not the official {} (md5 {}, official {})", stem, s.md5, named.md5);
  s.class_names = class_names(s, same.set ? same.set : named.set);
  const auto digests = image_digests(s);
  check_classes(s, path);
  check_splits(s, digests);
  if (store.in_file() && file_state(path) != state)
    throw DataError(fmt::format("{}: changed while it was read", path));
  const bool in_file = store.in_file();
  store.keep(s, 0, pixels_checksum(digests));
  if (in_file) store.note_md5(path, state, s.md5);
  return s;
}

}  // namespace afu::data
