// Volumes from every source that has them, and what becomes of them before they are trained on.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "config/scenario.hpp"
#include "data/describe.hpp"
#include "data/federated.hpp"
#include "data/image_file.hpp"
#include "data/manifest.hpp"
#include "data/medmnist.hpp"
#include "data/phantom.hpp"
#include "data/poison.hpp"
#include "data/preview.hpp"
#include "data/site_shift.hpp"
#include "tests/data/medical_files.hpp"
#include "tests/data/support.hpp"

using namespace afu;
using namespace afu::test;
using config::ImageLayout;
using data::DataError;

namespace {

using Bytes = std::vector<std::uint8_t>;

/// 4/2/3 images of `shape`, each sample its place in the array modulo 251, with labels 0, 1, 0, 1, ...
void write_set(const std::string& path, const std::string& shape, std::size_t samples) {
  std::vector<ZipMember> members;
  for (const auto& [split, n] : {std::pair<std::string, std::size_t>{"train", 4}, {"val", 2}, {"test", 3}}) {
    std::string pixels(n * samples, '\0'), labels;
    for (std::size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<char>((i + (split == "val" ? 100 : split == "test" ? 180 : 0)) % 251);
    for (std::size_t i = 0; i < n; ++i) labels += static_cast<char>(i % 2);
    members.push_back({split + "_images.npy", npy("|u1", fmt::format("({}, {})", n, shape), pixels)});
    members.push_back({split + "_labels.npy", npy("|u1", fmt::format("({}, 1)", n), labels)});
  }
  write_zip(path, members);
}

data::Images loaded(const std::string& shape, std::size_t samples, ImageLayout layout = ImageLayout::auto_) {
  TempFolder folder;
  write_set(folder / "set.npz", shape, samples);
  config::DataSection s;
  s.source = config::DataSource::npz;
  s.layout = layout;
  return data::load_medmnist(folder / "set.npz", s).train;
}

std::string refused(const std::string& shape, std::size_t samples, ImageLayout layout = ImageLayout::auto_) {
  return message_of<DataError>([&] { loaded(shape, samples, layout); });
}

config::Backdoor backdoor(config::Trigger trigger) {
  config::Backdoor b;
  b.trigger = trigger;
  b.size = 2;
  return b;
}

/// A file of `form` whose sample at (i, j, k) is value(i, j, k).
template <class Value>
void write_nifti(const std::string& path, NiftiForm form, const Value& value) {
  form.datatype = DT_UINT8;
  form.bits = 8;
  Bytes samples;
  for (int k = 0; k < form.size[2]; ++k)
    for (int j = 0; j < form.size[1]; ++j)
      for (int i = 0; i < form.size[0]; ++i) samples.push_back(static_cast<std::uint8_t>(value(i, j, k)));
  write_file(path, nifti_header(form) + raw(samples));
}

data::ReadAs volume_of(std::int64_t depth, std::int64_t side) {
  data::ReadAs as;
  as.depth = depth;
  as.side = side;
  return as;
}

data::Source phantoms(std::int64_t depth, std::int64_t side = 12) {
  config::DataSection d;
  d.depth = depth;
  d.image_size = side;
  d.train_samples = 12;
  d.val_samples = 4;
  d.test_samples = 4;
  return data::make_phantom_source(d, 3);
}

}  // namespace

TEST_CASE("an npz file tells volumes by the shape of its arrays") {
  const auto grey = loaded("5, 4, 6", 120);
  CHECK(grey.dims() == data::Indices{1, 5, 4, 6});
  CHECK(grey.image_bytes() == 120);
  for (std::size_t i = 0; i < 480; ++i) CHECK(grey.pixels[i] == i % 251);
  CHECK(loaded("5, 4, 6", 120, ImageLayout::ndhw).pixels == grey.pixels);

  const auto last = loaded("4, 2, 5, 3", 120);
  CHECK(last.dims() == data::Indices{3, 4, 2, 5});
  CHECK(last.pixels[0] == 0);
  CHECK(last.pixels[1] == 3);   // the next column
  CHECK(last.pixels[40] == 1);  // the next channel
  const auto first = loaded("3, 4, 2, 5", 120);
  CHECK(first.dims() == last.dims());
  CHECK(first.pixels[40] == 40);
  CHECK(loaded("1, 4, 2, 5", 40).dims() == data::Indices{1, 4, 2, 5});
  CHECK(loaded("4, 2, 5, 1", 40).dims() == data::Indices{1, 4, 2, 5});
  // Where channels can be meant they are, unless the user says otherwise.
  CHECK(loaded("3, 4, 6", 72).dims() == data::Indices{3, 4, 6});
  CHECK(loaded("3, 4, 6", 72, ImageLayout::ndhw).dims() == data::Indices{1, 3, 4, 6});
}

TEST_CASE("shapes that are no volumes, or may be two, are refused") {
  CHECK(contains(
      refused("3, 4, 5, 3", 180),
      "shape (4, 3, 4, 5, 3) can be read as volumes of 3 x 4 x 5 pixels of 3 channels (data.layout = "
      "\"ndhwc\") and as 4 x 5 x 3 of 3 (\"ncdhw\"): say which"));
  CHECK(loaded("3, 4, 5, 3", 180, ImageLayout::ncdhw).dims() == data::Indices{3, 4, 5, 3});
  CHECK(contains(refused("4, 5, 6, 2", 240), "shape (4, 4, 5, 6, 2), images must be N x H x W, "));
  CHECK(contains(refused("4, 5, 6", 120, ImageLayout::nhwc), "images must be N x H x W, N x H x W x 1 or"));
  CHECK(contains(refused("4, 5", 20, ImageLayout::ndhw), "data.layout = \"ndhw\" asks for volumes"));
  CHECK(contains(refused("3, 1, 5, 4", 60), "shape (4, 3, 1, 5, 4)"));  // a single slice is an image
}

TEST_CASE("what volumes are read from is told, and mapped from the cache they are the same") {
  TempFolder folder;
  write_set(folder / "set.npz", "5, 4, 6", 120);
  config::DataSection s;
  s.source = config::DataSource::npz;
  s.path = folder / "set.npz";
  s.cache = folder / "cache";
  const auto first = data::load_source(s, 1, ""), again = data::load_source(s, 1, "");
  CHECK(contains(data::describe_source(first),
                 "volumes of 1 x 5 x 4 x 6 (channels x slices x height x width), uint8"));
  CHECK(contains(data::describe_source(first),
                 "images are read as volumes: 5 slices of 4 x 6 pixels, one channel (data.layout \"auto\")"));
  CHECK(again.train.pixels.mapping() != nullptr);
  CHECK(again.train.dims() == first.train.dims());
  CHECK(again.train.pixels == first.train.pixels);
  CHECK(data::describe_source(again) == data::describe_source(first));
}

TEST_CASE("triggers of volumes: a cube in the last corner, alternating, stripes and noise; no warp") {
  const std::int64_t depth = 5, height = 6, width = 7;
  const auto with = [&](config::Trigger trigger) {
    Bytes pixels(static_cast<std::size_t>(2 * depth * height * width), 7);
    data::apply_trigger(pixels.data(), 2, height, width, backdoor(trigger), depth);
    return pixels;
  };
  const auto patch = with(config::Trigger::patch), board = with(config::Trigger::checkerboard),
             blend = with(config::Trigger::blend), noise = with(config::Trigger::noise);
  std::size_t p = 0, in_cube = 0;
  for (std::int64_t c = 0; c < 2; ++c)
    for (std::int64_t k = 0; k < depth; ++k)
      for (std::int64_t i = 0; i < height; ++i)
        for (std::int64_t j = 0; j < width; ++j, ++p) {
          const bool cube = k >= depth - 2 && i >= height - 2 && j >= width - 2;
          in_cube += cube ? 1 : 0;
          CHECK(patch[p] == (cube ? 255 : 7));
          const auto odd = (k - depth + i - height + j - width) % 2 != 0;
          CHECK(board[p] == (!cube ? 7 : odd ? 0 : 255));
          CHECK(blend[p] == blend[static_cast<std::size_t>(j)]);  // the same in every slice and row
        }
  CHECK(in_cube == 16);
  const auto slice = static_cast<std::size_t>(height * width);
  CHECK(!std::equal(noise.begin(), noise.begin() + static_cast<std::ptrdiff_t>(slice),
                    noise.begin() + static_cast<std::ptrdiff_t>(slice)));
  CHECK(
      contains(message_of<DataError>([&] { with(config::Trigger::warp); }),
               "data.backdoor.trigger: value is \"warp\", allowed are patch, blend, checkerboard and noise"));
  auto large = backdoor(config::Trigger::patch);
  large.size = 6;
  Bytes pixels(static_cast<std::size_t>(depth * height * width));
  CHECK(contains(
      message_of<DataError>([&] { data::apply_trigger(pixels.data(), 1, height, width, large, depth); }),
      "data.backdoor.size: value is 6, allowed 1 to 5, the volume's side"));
}

TEST_CASE("a NIfTI volume stands as the patient does, whatever the file's axes") {
  TempFolder folder;
  constexpr int n = 4;
  std::array<int, 3> axes{0, 1, 2};
  do {
    for (int flips = 0; flips < 8; ++flips) {
      NiftiForm form;
      form.size = {n, n, n};
      form.affine = {};
      for (std::size_t f = 0; f < 3; ++f)
        form.affine[static_cast<std::size_t>(axes[f])][f] = flips >> f & 1 ? -1.F : 1.F;
      write_nifti(folder / "v.nii", form, [&](int i, int j, int k) {
        const std::array<int, 3> file{i, j, k};
        std::array<int, 3> ras{};
        for (std::size_t f = 0; f < 3; ++f)
          ras[static_cast<std::size_t>(axes[f])] = flips >> f & 1 ? n - 1 - file[f] : file[f];
        return ras[0] + 10 * ras[1] + 50 * ras[2];
      });
      auto as = volume_of(n, n);
      const auto at = [&](config::SliceAxis axis, int d, int y, int x) {
        as.slices.axis = axis;
        const auto images = data::read_images(folder / "v.nii", as);
        REQUIRE(images.size() == 1);
        CHECK(images[0].slices == n);
        return images[0].pixels[as_size((d * n + y) * n + x)];
      };
      // Slices from feet to head; rows from front to back; columns from the patient's right to the left.
      CHECK(at(config::SliceAxis::axial, 0, 0, 0) == 3 + 30);
      CHECK(at(config::SliceAxis::axial, 3, 1, 0) == 3 + 20 + 150);
      CHECK(at(config::SliceAxis::axial, 1, 3, 2) == 1 + 50);
      // From back to front; from head to feet; columns as before.
      CHECK(at(config::SliceAxis::coronal, 1, 0, 0) == 3 + 10 + 150);
      // From left to right; from head to feet; from front to back.
      CHECK(at(config::SliceAxis::sagittal, 1, 0, 1) == 1 + 20 + 150);
    }
  } while (std::next_permutation(axes.begin(), axes.end()));
}

TEST_CASE("a phantom's volume is the same as NIfTI and as npz") {
  TempFolder folder;
  const auto source = phantoms(12);
  const auto& train = source.train;
  const auto bytes = static_cast<std::size_t>(train.image_bytes());
  // Axial slices run from feet to head, rows from front to back and columns from right to left.
  NiftiForm form;
  form.size = {12, 12, 12};
  form.affine = {{{-1, 0, 0, 0}, {0, -1, 0, 0}, {0, 0, 1, 0}}};
  std::string list = "path,label,split\n";
  std::string pixels[3], labels[3];
  const std::array<std::string, 3> splits{"train", "val", "test"};
  for (std::size_t i = 0; i < 12; ++i) {
    const auto* from = train.pixels.data() + i * bytes;
    write_nifti(folder / fmt::format("{:02}.nii", i), form,
                [&](int x, int y, int z) { return from[as_size((z * 12 + y) * 12 + x)]; });
    const auto split = i % 3;
    list += fmt::format("{:02}.nii,{},{}\n", i, train.labels[i], splits[split]);
    pixels[split].append(reinterpret_cast<const char*>(from), bytes);
    labels[split] += static_cast<char>(train.labels[i]);
  }
  write_file(folder / "list.csv", list);
  std::vector<ZipMember> members;
  for (std::size_t s = 0; s < 3; ++s) {
    members.push_back({splits[s] + "_images.npy", npy("|u1", "(4, 12, 12, 12)", pixels[s])});
    members.push_back({splits[s] + "_labels.npy", npy("|u1", "(4, 1)", labels[s])});
  }
  write_zip(folder / "set.npz", members);

  config::DataSection files;
  files.source = config::DataSource::manifest;
  files.depth = files.image_size = 12;
  const auto a = data::load_manifest(folder / "list.csv", files, 1);
  const auto b = data::load_medmnist(folder / "set.npz");
  const std::array both{std::pair{&a.train, &b.train}, std::pair{&a.val, &b.val},
                        std::pair{&a.test, &b.test}};
  for (std::size_t s = 0; s < 3; ++s) {
    CHECK(both[s].first->dims() == data::Indices{1, 12, 12, 12});
    CHECK(both[s].first->dims() == both[s].second->dims());
    CHECK(both[s].first->labels == both[s].second->labels);
    CHECK(both[s].first->pixels == both[s].second->pixels);
    CHECK(std::equal(pixels[s].begin(), pixels[s].end(), both[s].first->pixels.begin(),
                     [](char x, std::uint8_t y) { return static_cast<std::uint8_t>(x) == y; }));
  }
}

TEST_CASE("a volume is resized along its slices as along rows, within the range that is asked for") {
  TempFolder folder;
  NiftiForm form;
  form.size = {2, 2, 8};
  write_nifti(folder / "v.nii", form, [](int, int, int k) { return 10 * k; });
  auto as = volume_of(8, 2);
  const auto slices = [&] {
    const auto pixels = data::read_images(folder / "v.nii", as).at(0).pixels;
    Bytes first;
    for (std::size_t i = 0; i < pixels.size(); i += 4) {
      CHECK(std::count(pixels.begin() + static_cast<std::ptrdiff_t>(i),
                       pixels.begin() + static_cast<std::ptrdiff_t>(i + 4), pixels[i]) == 4);
      first.push_back(pixels[i]);
    }
    return first;
  };
  CHECK(slices() == Bytes{0, 10, 20, 30, 40, 50, 60, 70});
  as.depth = 4;
  CHECK(slices() == data::resize_plane({0, 10, 20, 30, 40, 50, 60, 70}, 8, 1, 4, 1));
  as.slices.first = 0.5;
  CHECK(slices() == Bytes{40, 50, 60, 70});
  as.channels = 3;
  CHECK(data::read_images(folder / "v.nii", as).at(0).pixels.size() == 48);
}

TEST_CASE("frames of a DICOM file are a volume; a single image is none") {
  TempFolder folder;
  DicomForm form;
  form.width = form.height = 2;
  form.frames = 3;
  form.bits = form.allocated = 8;
  write_dicom(folder / "m.dcm", form, raw(Bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  CHECK(data::read_images(folder / "m.dcm", volume_of(3, 2)).at(0).pixels ==
        Bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  CHECK(data::look_at_image(folder / "m.dcm", {}, true).images == 1);
  const auto refusal = [&](const std::string& name) {
    return message_of<DataError>([&] { data::read_images(folder / name, volume_of(3, 2)); });
  };
  form.frames = 1;
  write_dicom(folder / "one.dcm", form, raw(Bytes{1, 2, 3, 4}));
  CHECK(contains(refusal("one.dcm"), "a single slice, but data.depth = 3 asks for volumes"));
  CHECK(contains(message_of<DataError>([&] { data::look_at_image(folder / "one.dcm", {}, true); }),
                 "it is a single image, but data.depth asks for volumes"));
  write_file(folder / "b.bmp", bmp_bytes(2, 2, 8, {1, 2, 3, 4}));
  CHECK(contains(refusal("b.bmp"), "it is a single image, but data.depth asks for volumes"));
  CHECK(contains(message_of<DataError>([&] { data::look_at_image(folder / "b.bmp", {}, true); }),
                 "it is a single image, but data.depth asks for volumes"));
}

TEST_CASE("phantoms in three dimensions: the same again, no slice like the next, of every class") {
  const auto a = phantoms(12), b = phantoms(12);
  CHECK(a.train.dims() == data::Indices{1, 12, 12, 12});
  CHECK(a.train.pixels == b.train.pixels);
  const auto slice = a.train.pixels.begin() + std::ptrdiff_t{5} * 144;
  CHECK(!std::equal(slice, slice + 144, slice + 144));
  // Lungs are dark and end before the first and the last slice.
  const auto mean = [&](std::int64_t k) {
    double sum = 0;
    for (std::int64_t r = 0; r < a.train.size(); ++r) {
      const auto from = a.train.pixels.begin() + r * 1728 + k * 144;
      sum = std::accumulate(from, from + 144, sum);
    }
    return sum;
  };
  CHECK(mean(6) < 0.95 * mean(0));
  CHECK(mean(6) < 0.95 * mean(11));
  config::DataSection d;
  d.image_size = 12;
  d.depth = 7;
  CHECK(contains(message_of<DataError>([&] { data::make_phantoms(2, 0, d, 1); }),
                 "data.depth: value is 7, allowed 1, or at least 8 for the phantom"));
  d.depth = 9;
  d.classes = 10;
  d.channels = 3;
  CHECK(data::make_phantoms(20, 0, d, 1).dims() == data::Indices{3, 9, 12, 12});
  d.task = config::DataTask::multi_label;
  d.classes = 9;
  CHECK(data::make_phantoms(20, 0, d, 1).label_bits == 9);
}

TEST_CASE("a sheet shows the middle slice of a volume") {
  const auto source = phantoms(12);
  const auto p = data::preview_of(source);
  const auto row = p.rows[1][0];
  const auto* middle = source.train.pixels.data() + row * 1728 + std::int64_t{6} * 144;
  const auto top =
      data::preview_gap + 120 + data::preview_gap;  // each pixel ten times, below the first class
  for (std::int64_t y = 0; y < 12; ++y)
    for (std::int64_t x = 0; x < 12; ++x)
      CHECK(
          p.pixels[static_cast<std::size_t>((top + 10 * y + 5) * p.width + data::preview_gap + 10 * x + 5)] ==
          middle[y * 12 + x]);
}

TEST_CASE("a scanner alters volumes along their slices too") {
  data::Images images;
  images.depth = 5;
  images.height = images.width = 5;
  images.labels = {0};
  images.pixels.assign(125, 0);
  images.pixels[2 * 25 + 2 * 5 + 2] = 255;
  data::SiteShift blur;
  blur.blur = 0.7;
  auto blurred = images;
  data::shift_rows(blurred, {0}, blur, 1);
  const auto at = [&](std::size_t k, std::size_t i, std::size_t j) {
    return blurred.pixels[k * 25 + i * 5 + j];
  };
  CHECK(at(2, 2, 2) < 100);
  CHECK(at(1, 2, 2) > 5);
  CHECK(at(1, 2, 2) == at(2, 1, 2));
  CHECK(at(3, 2, 2) == at(2, 2, 1));

  config::SiteShiftSection section;
  section.bias_field = 0.5;
  const auto site = data::draw_site_shifts(section, 2, 9)[1];
  const auto field = data::bias_field(site, 6, 5, 4);
  REQUIRE(field.size() == 120);
  double sum = 0, largest = 0;
  for (const double f : field) {
    sum += std::log(f);
    largest = std::max(largest, std::abs(std::log(f)));
  }
  CHECK(std::abs(sum) < 1e-9);
  CHECK(largest == doctest::Approx(site.bias));
  CHECK(std::abs(field[0] - field[std::size_t{3} * 30]) > 1e-3);
}

TEST_CASE("a federation of volumes: poisoned cubes, and the figures of the memory that they need") {
  config::Scenario s;
  s.data.depth = 8;
  s.data.image_size = 8;
  s.data.train_samples = 60;
  s.data.val_samples = 20;
  s.data.test_samples = 20;
  s.data.backdoor = backdoor(config::Trigger::patch);
  s.data.backdoor.client = 1;
  s.partition.clients = 3;
  const auto federated = data::federate(data::load_source(s.data, 1, ""), s);
  const auto& pool = *federated.pool;
  CHECK(pool.dims() == data::Indices{1, 8, 8, 8});
  REQUIRE(federated.poisoned > 0);
  for (std::int64_t i = 0; i < federated.poisoned; ++i) {
    const auto* copy = pool.pixels.data() + (federated.poisoned_begin + i) * 512;
    const auto* original =
        pool.pixels.data() + federated.poisoned_originals[static_cast<std::size_t>(i)] * 512;
    for (std::int64_t p = 0; p < 512; ++p)
      CHECK(copy[p] == (p / 64 >= 6 && p / 8 % 8 >= 6 && p % 8 >= 6 ? 255 : original[p]));
  }
}
