// Formats of medicine: the same phantom from each, the orientation of volumes, whose images they are.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcrleerg.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "data/dataset.hpp"
#include "data/image_file.hpp"
#include "data/slices.hpp"
#include "tests/data/image_files.hpp"
#include "tests/data/medical_files.hpp"

using namespace afu;
using namespace afu::test;
using data::DataError;
using Bytes = std::vector<std::uint8_t>;

namespace {

constexpr int side = 16;

/// 12 bits, another value at every pixel and a bright mark in the upper left corner.
std::vector<std::uint16_t> phantom() {
  std::vector<std::uint16_t> v(as_size(side * side));
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) v[as_size(y * side + x)] = static_cast<std::uint16_t>(150 * y + 7 * x);
  v[0] = v[1] = v[side] = 4095;
  return v;
}

std::string big_endian(const std::vector<std::uint16_t>& values) {
  std::string out;
  for (const auto v : values) out += {static_cast<char>(v >> 8), static_cast<char>(v & 0xFF)};
  return out;
}

data::ReadAs as(config::IntensityMapping mapping, double low = 0, double high = 0) {
  data::ReadAs r;
  r.side = side;
  r.intensity = {mapping, low, high};
  return r;
}

/// A volume of one axial slice that shows `image` as radiologists see it: its left column is the patient's right.
template <class Sample>
std::string volume_of(const std::vector<std::uint16_t>& image, double scale, double shift) {
  std::vector<Sample> samples(image.size());
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      samples[static_cast<std::size_t>((side - 1 - y) * side + side - 1 - x)] =
          static_cast<Sample>(image[as_size(y * side + x)] * scale + shift);
  return raw(samples);
}

std::string refusal(const std::string& path, const data::ReadAs& r = {}) {
  return message_of<DataError>([&] { data::read_images(path, r); });
}

}  // namespace

TEST_CASE("a DICOM, a NIfTI, a TIFF and a 16-bit PNG of one phantom give the same tensor") {
  TempFolder folder;
  const auto image = phantom();
  PngForm png;
  png.depth = 16;
  const auto big = big_endian(image);
  write_png(folder / "p.png", side, side, Bytes(big.begin(), big.end()), png);

  TiffForm tiff;
  tiff.bits = 16;
  write_tiff(folder / "p.tif", side, side, raw(image), tiff);
  tiff.tiled = true;
  write_tiff(folder / "tiled.tif", side, side, raw(image), tiff);

  NiftiForm nifti;
  nifti.size = {side, side, 1};
  nifti.slope = 0.5;
  nifti.intercept = 100;
  const auto volume = nifti_header(nifti) + volume_of<std::int16_t>(image, 2, -200);
  write_file(folder / "p.nii", volume);
  write_gzip(folder / "p.nii.gz", volume);
  NiftiForm analyze;
  analyze.size = nifti.size;
  analyze.analyze = true;
  write_file(folder / "p.hdr", nifti_header(analyze));
  write_file(folder / "p.img", volume_of<std::int16_t>(image, 1, 0));
  NiftiForm real = nifti;
  real.datatype = DT_FLOAT32;
  real.bits = 32;
  real.slope = 0;
  write_file(folder / "real.nii", nifti_header(real) + volume_of<float>(image, 1, 0));

  DicomForm dicom;
  dicom.width = dicom.height = side;
  dicom.bits = 16;
  dicom.numbers = {{"slope", 1}, {"intercept", -1024}};
  auto shifted = image;
  for (auto& v : shifted) v = static_cast<std::uint16_t>(v + 1024);
  write_dicom(folder / "p.dcm", dicom, raw(shifted));
  DcmRLEEncoderRegistration::registerCodecs();
  dicom.syntax = EXS_RLELossless;
  write_dicom(folder / "rle.dcm", dicom, raw(shifted));
  dicom.syntax = EXS_LittleEndianImplicit;
  dicom.kind = "MONOCHROME1";
  write_dicom(folder / "negative.dcm", dicom, raw(shifted));

  for (const auto& [mapping, low, high] : {std::tuple{config::IntensityMapping::window, 100., 2000.},
                                           std::tuple{config::IntensityMapping::extrema, 0., 0.}}) {
    const auto r = as(mapping, low, high);
    const auto expected = data::read_images(folder / "p.png", r);
    REQUIRE(expected.size() == 1);
    CHECK(expected[0].mapped == side * side);
    const auto& pixels = expected[0].pixels;
    CHECK(pixels[0] == 255);
    const double top = mapping == config::IntensityMapping::window ? 2000 : 4095,
                 bottom = mapping == config::IntensityMapping::window ? 100 : 14;
    CHECK(pixels[5 * side + 3] == std::lround((771 - bottom) / (top - bottom) * 255));
    for (const char* name :
         {"p.tif", "tiled.tif", "p.nii", "p.nii.gz", "p.hdr", "p.img", "real.nii", "p.dcm", "rle.dcm"}) {
      INFO(name);
      const auto images = data::read_images(folder / name, r);
      REQUIRE(images.size() == 1);
      CHECK(images[0].pixels == pixels);
      CHECK(images[0].clipped == expected[0].clipped);
    }
    auto inverted = data::read_images(folder / "negative.dcm", r)[0].pixels;
    for (auto& v : inverted) v = static_cast<std::uint8_t>(255 - v);
    CHECK(inverted == pixels);
  }
  const auto full = data::read_images(folder / "p.png", as(config::IntensityMapping::range))[0].pixels;
  CHECK(full == data::read_images(folder / "p.tif", as(config::IntensityMapping::range))[0].pixels);
  CHECK(full[0] == std::lround(4095 / 65535. * 255));
  CHECK(data::read_images(folder / "p.hdr", as(config::IntensityMapping::extrema))[0].warning.find(
            "ANALYZE 7.5") != std::string::npos);

  // As the file says: it says nothing.
  for (const char* name : {"p.png", "p.tif", "p.nii", "p.dcm"}) {
    INFO(name);
    CHECK(contains(refusal(folder / name), "images are kept in 8 bits; data.intensity.mapping says how"));
  }
  CHECK(contains(refusal(folder / "p.png"), "16 bits a sample, with values from 14 to 4095"));
  CHECK(contains(refusal(folder / "real.nii", as(config::IntensityMapping::range)), "its type has no range"));
}

TEST_CASE("a DICOM's own window, signed samples and 8 bits") {
  TempFolder folder;
  DicomForm form;
  form.width = form.height = side;
  form.is_signed = true;
  form.numbers = {{"centre", 40}, {"width", 400}};
  std::vector<std::uint16_t> samples(as_size(side * side), 0);
  samples[0] = static_cast<std::uint16_t>(-1000) & 0xFFF;  // the sign is bit 11
  samples[1] = 40;
  samples[2] = 300;
  write_dicom(folder / "ct.dcm", form, raw(samples));
  const auto pixels = data::read_images(folder / "ct.dcm", as(config::IntensityMapping::stored))[0].pixels;
  // PS3.3 C.11.2.1.2: ((x - (c - 0.5)) / (w - 1) + 0.5) 255
  const auto linear = [](double x) { return std::lround(((x - 39.5) / 399 + 0.5) * 255); };
  CHECK(pixels[0] == 0);
  CHECK(pixels[1] == linear(40));
  CHECK(pixels[2] == 255);
  CHECK(pixels[3] == linear(0));

  DicomForm bytes;
  bytes.width = bytes.height = side;
  bytes.bits = bytes.allocated = 8;
  Bytes ramp(as_size(side * side));
  std::iota(ramp.begin(), ramp.end(), std::uint8_t{0});
  write_dicom(folder / "us.dcm", bytes, raw(ramp));
  const auto read = data::read_images(folder / "us.dcm", as(config::IntensityMapping::stored))[0];
  CHECK(read.pixels == ramp);
  CHECK(read.mapped == 0);

  DicomForm colour = bytes;
  colour.kind = "RGB";
  colour.samples = 3;
  Bytes rgb;
  for (const auto v : ramp) rgb.insert(rgb.end(), {v, 10, static_cast<std::uint8_t>(255 - v)});
  write_dicom(folder / "rgb.dcm", colour, raw(rgb));
  auto three = as(config::IntensityMapping::stored);
  three.channels = 3;
  const auto image = data::read_images(folder / "rgb.dcm", three)[0];
  CHECK(image.colour);
  CHECK(Bytes(image.pixels.begin(), image.pixels.begin() + std::ptrdiff_t{side} * side) == ramp);
  CHECK(image.pixels[as_size(side * side)] == 10);
}

TEST_CASE("frames of a DICOM file are slices, and its patient is told") {
  TempFolder folder;
  DicomForm form;
  form.width = form.height = side;
  form.bits = form.allocated = 8;
  form.frames = 5;
  form.patient = "SECRET-7";
  std::string pixels;
  for (char f = 0; f < 5; ++f) pixels += std::string(as_size(side * side), static_cast<char>(10 * f));
  write_dicom(folder / "m.dcm", form, pixels);
  auto r = as(config::IntensityMapping::stored);
  CHECK(data::read_images(folder / "m.dcm", r)[0].pixels[0] == 20);
  r.slices.count = 0;
  CHECK(data::read_images(folder / "m.dcm", r).size() == 5);
  r.slices.first = 0.6;
  r.slices.count = 2;
  const auto two = data::read_images(folder / "m.dcm", r);
  REQUIRE(two.size() == 2);
  CHECK(two[0].pixels[0] == 30);
  CHECK(two[1].pixels[0] == 40);
  CHECK(data::look_at_image(folder / "m.dcm", r.slices).images == 2);
  CHECK(data::look_at_image(folder / "m.dcm", r.slices).patient == "SECRET-7");
  r.slices.count = 3;
  CHECK(contains(refusal(folder / "m.dcm", r), "5 slices of which 2 are in the range"));
  auto cut = file_bytes(folder / "m.dcm");
  cut.resize(cut.size() - 300);
  write_file(folder / "cut.dcm", cut);
  CHECK(contains(refusal(folder / "cut.dcm", as(config::IntensityMapping::stored)),
                 "cut.dcm: not a readable image: "));
}

TEST_CASE("a volume is cut the same way however its file lays it out") {
  TempFolder folder;
  constexpr int n = 6;
  // At the right-most, front-most and top-most sample, and below it at the back.
  const auto value = [](int r, int a, int s) {
    if (r == n - 1 && a == n - 1 && s == n - 1) return 200;
    if (r == n - 1 && a == 0 && s == n - 1) return 100;
    return r == 0 && a == n - 1 && s == n - 1 ? 50 : 0;
  };
  std::array<int, 3> axes{0, 1, 2};  // which of the patient's axes the file's first, second and third are
  int seen = 0;
  do {
    for (int flips = 0; flips < 8; ++flips, ++seen) {
      NiftiForm form;
      form.size = {n, n, n};
      form.datatype = DT_UINT8;
      form.bits = 8;
      form.affine = {};
      Bytes samples(as_size(n * n * n));
      for (std::size_t f = 0; f < 3; ++f)
        form.affine[static_cast<std::size_t>(axes[f])][f] = flips >> f & 1 ? -1.F : 1.F;
      for (int k = 0; k < n; ++k)
        for (int j = 0; j < n; ++j)
          for (int i = 0; i < n; ++i) {
            const std::array<int, 3> file{i, j, k};
            std::array<int, 3> ras{};
            for (std::size_t f = 0; f < 3; ++f)
              ras[static_cast<std::size_t>(axes[f])] = flips >> f & 1 ? n - 1 - file[f] : file[f];
            samples[as_size((k * n + j) * n + i)] = static_cast<std::uint8_t>(value(ras[0], ras[1], ras[2]));
          }
      write_file(folder / "v.nii", nifti_header(form) + raw(samples));
      data::ReadAs r;
      r.side = n;
      r.slices.count = 0;
      const auto last = [&](config::SliceAxis axis) {
        r.slices.axis = axis;
        return data::read_images(folder / "v.nii", r).at(n - 1).pixels;
      };
      const auto at = [&](const Bytes& p, int y, int x) { return p[as_size(y * n + x)]; };
      const auto axial = last(config::SliceAxis::axial), coronal = last(config::SliceAxis::coronal),
                 sagittal = last(config::SliceAxis::sagittal);
      CHECK(at(axial, 0, 0) == 200);  // the front at the top, the patient's right at the left
      CHECK(at(axial, n - 1, 0) == 100);
      CHECK(at(axial, 0, n - 1) == 50);
      CHECK(at(coronal, 0, 0) == 200);  // the head at the top
      CHECK(at(coronal, 0, n - 1) == 50);
      CHECK(at(sagittal, 0, 0) == 200);  // the front at the left
      CHECK(at(sagittal, 0, n - 1) == 100);
      CHECK(std::accumulate(sagittal.begin(), sagittal.end(), 0) == 300);
    }
  } while (std::next_permutation(axes.begin(), axes.end()));
  CHECK(seen == 48);
}

TEST_CASE("what a volume cannot be is refused") {
  TempFolder folder;
  NiftiForm form;
  form.size = {4, 4, 4};
  form.datatype = DT_UINT8;
  form.bits = 8;
  const auto sound = nifti_header(form) + std::string(64, 'x');
  write_file(folder / "s.nii", sound);
  CHECK(data::read_images(folder / "s.nii", {}).size() == 1);
  write_file(folder / "cut.nii", sound.substr(0, sound.size() - 1));
  CHECK(contains(refusal(folder / "cut.nii"), "its samples are damaged or end too early"));
  auto series = form;
  series.frames = 3;
  write_file(folder / "t.nii", nifti_header(series) + std::string(192, 'x'));
  CHECK(contains(refusal(folder / "t.nii"), "4 dimensions, allowed is one volume a file"));
  auto large = form;
  large.size = {32000, 32000, 32000};
  write_file(folder / "l.nii", nifti_header(large));
  CHECK(contains(refusal(folder / "l.nii"), "samples, allowed are"));
  auto colour = form;
  colour.datatype = DT_RGB24;
  colour.bits = 24;
  write_file(folder / "c.nii", nifti_header(colour) + std::string(192, 'x'));
  CHECK(contains(refusal(folder / "c.nii"), "RGB24"));
  auto alone = form;
  alone.analyze = true;
  write_file(folder / "alone.hdr", nifti_header(alone));
  CHECK(contains(refusal(folder / "alone.hdr"), "alone.img: cannot be opened"));
}

TEST_CASE("TIFF, BMP and WebP") {
  TempFolder folder;
  Bytes ramp(400);
  std::iota(ramp.begin(), ramp.end(), std::uint8_t{0});
  const auto grey = [&](const std::string& name) { return data::read_image(folder / name, 1, 20).pixels; };
  TiffForm tiff;
  for (const bool tiled : {false, true}) {
    tiff.tiled = tiled;
    write_tiff(folder / "g.tif", 20, 20, raw(ramp), tiff);
    CHECK(grey("g.tif") == ramp);
  }
  tiff.tiled = false;
  tiff.photometric = PHOTOMETRIC_MINISWHITE;
  write_tiff(folder / "w.tif", 20, 20, raw(ramp), tiff);
  CHECK(grey("w.tif")[1] == 254);
  TiffForm turned;
  turned.orientation = 6;
  write_tiff(folder / "o.tif", 20, 20, raw(ramp), turned);
  CHECK(data::read_image(folder / "o.tif", 1, 20).turned);
  CHECK(grey("o.tif")[0] == ramp[380]);  // the last row becomes the first column
  TiffForm pages;
  pages.pages = 2;
  write_tiff(folder / "p.tif", 20, 20, raw(ramp), pages);
  CHECK(contains(refusal(folder / "p.tif"), "it has several pages, allowed is one image a file"));

  Bytes rgb, rgba;
  for (const auto v : ramp) {
    rgb.insert(rgb.end(), {v, 7, static_cast<std::uint8_t>(200 - v / 2)});
    rgba.insert(rgba.end(), {v, 7, static_cast<std::uint8_t>(200 - v / 2), 255});
  }
  TiffForm colour;
  colour.samples = 3;
  colour.photometric = PHOTOMETRIC_RGB;
  write_tiff(folder / "c.tif", 20, 20, raw(rgb), colour);
  write_webp(folder / "c.webp", 20, 20, rgb, false);
  write_webp(folder / "a.webp", 20, 20, rgba, true);
  write_file(folder / "c.bmp", bmp_bytes(20, 20, 24, rgb));
  const auto expected = data::read_image(folder / "c.tif", 3, 20).pixels;
  CHECK(Bytes(expected.begin(), expected.begin() + 400) == ramp);
  CHECK(expected[800] == 200);
  for (const char* name : {"c.webp", "a.webp", "c.bmp"}) {
    INFO(name);
    CHECK(data::read_image(folder / name, 3, 20).pixels == expected);
    CHECK(data::read_image(folder / name, 3, 20).colour);
  }
  write_file(folder / "g.bmp", bmp_bytes(20, 20, 8, ramp));
  CHECK(grey("g.bmp") == ramp);
  CHECK_FALSE(data::read_image(folder / "g.bmp", 1, 20).colour);
  rgba[3] = 0;
  write_webp(folder / "t.webp", 20, 20, rgba, true);
  CHECK(contains(refusal(folder / "t.webp"), "transparent pixels"));
  for (const char* name : {"c.tif", "c.bmp", "c.webp"}) {
    auto bytes = file_bytes(folder / name);
    bytes.resize(bytes.size() / 2);
    write_file(folder / (std::string("cut_") + name), bytes);
    CHECK(contains(refusal(folder / (std::string("cut_") + name)), "not a readable image"));
  }
}

TEST_CASE("slices are spread over their range") {
  config::SlicesSection s;
  const auto chosen = [&](std::int64_t n) { return data::chosen_slices(n, s); };
  CHECK(chosen(9) == data::Indices{4});
  s.count = 3;
  CHECK(chosen(9) == data::Indices{1, 4, 7});
  CHECK(chosen(3) == data::Indices{0, 1, 2});
  s.count = 0;
  s.first = 0.5;
  CHECK(chosen(6) == data::Indices{3, 4, 5});
  s.first = s.last = 1;
  CHECK(chosen(6) == data::Indices{5});
  CHECK(chosen(1) == data::Indices{0});
}
