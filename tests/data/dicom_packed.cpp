// DICOM's compressed transfer syntaxes: what is decoded, and what is refused by its name.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dcrleerg.h>
#include <dcmtk/dcmjpeg/djencode.h>
#include <dcmtk/dcmjpls/djencode.h>
#include <doctest/doctest.h>

#include <cmath>
#include <tuple>

#include "data/dataset.hpp"
#include "data/image_file.hpp"
#include "tests/data/medical_files.hpp"

using namespace afu;
using namespace afu::test;

namespace {

constexpr int side = 32;

/// Encoders for the process; the readers' decoders are registered by themselves.
void register_encoders() {
  static const bool once = [] {
    DcmRLEEncoderRegistration::registerCodecs();
    DJEncoderRegistration::registerCodecs();
    DJLSEncoderRegistration::registerCodecs();
    return true;
  }();
  REQUIRE(once);
}

/// Smooth, brighter to the right and less so downwards, from 0 to `most`.
std::vector<std::uint16_t> slope(int most) {
  std::vector<std::uint16_t> v;
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      v.push_back(static_cast<std::uint16_t>((3 * x + y) * most / (4 * (side - 1))));
  return v;
}

data::ReadAs grey(double low, double high) {
  data::ReadAs as{1, side, {}, {}};
  as.intensity = {config::IntensityMapping::window, low, high};
  return as;
}

DicomForm form_of(int bits) {
  DicomForm form;
  form.width = form.height = side;
  form.bits = bits;
  form.allocated = bits > 8 ? 16 : 8;
  return form;
}

}  // namespace

TEST_CASE("grey DICOM files in RLE, JPEG and JPEG-LS give the samples of one that is not packed") {
  register_encoders();
  TempFolder folder;
  for (const auto& [name, syntax, bits, off] : {std::tuple{"RLE", EXS_RLELossless, 12, 0},
                                                {"lossless JPEG", EXS_JPEGProcess14SV1, 12, 0},
                                                {"lossless JPEG of 16 bits", EXS_JPEGProcess14SV1, 16, 0},
                                                {"JPEG process 14", EXS_JPEGProcess14, 12, 0},
                                                {"JPEG-LS", EXS_JPEGLSLossless, 12, 0},
                                                {"nearly lossless JPEG-LS", EXS_JPEGLSLossy, 12, 1},
                                                {"JPEG extended", EXS_JPEGProcess2_4, 12, 2},
                                                {"JPEG baseline", EXS_JPEGProcess1, 8, 3},
                                                {"lossless JPEG of 8 bits", EXS_JPEGProcess14SV1, 8, 0}}) {
    const std::string of = name;
    INFO(of);
    const int most = (1 << bits) - 1;
    const auto samples = slope(most);
    const std::string pixels = bits > 8 ? raw(samples) : std::string(samples.begin(), samples.end());
    auto form = form_of(bits);
    write_dicom(folder / "plain.dcm", form, pixels);
    form.syntax = syntax;
    write_dicom(folder / "packed.dcm", form, pixels);
    const auto as = grey(0, most);
    const auto plain = data::read_images(folder / "plain.dcm", as),
               packed = data::read_images(folder / "packed.dcm", as);
    REQUIRE(packed.size() == 1);
    CHECK(plain[0].pixels.front() == 0);
    CHECK(plain[0].pixels.back() == 255);
    for (std::size_t p = 0; p < plain[0].pixels.size(); ++p)
      CHECK(std::abs(packed[0].pixels[p] - plain[0].pixels[p]) <= off);
  }
}

TEST_CASE("the frames of a packed DICOM file are its slices") {
  register_encoders();
  TempFolder folder;
  auto form = form_of(12);
  form.frames = 3;
  std::string pixels;
  for (int f = 1; f <= 3; ++f) pixels += raw(slope(1000 * f));
  form.syntax = EXS_JPEGProcess14SV1;
  write_dicom(folder / "m.dcm", form, pixels);
  auto as = grey(0, 3000);
  as.slices.count = 0;
  const auto images = data::read_images(folder / "m.dcm", as);
  REQUIRE(images.size() == 3);
  for (std::size_t f = 0; f < 3; ++f) CHECK(images[f].pixels.back() == 85 * (f + 1));
}

TEST_CASE("colour DICOM files in JPEG and RLE are RGB again") {
  register_encoders();
  TempFolder folder;
  auto form = form_of(8);
  form.samples = 3;
  form.kind = "RGB";
  std::string pixels;
  for (int p = 0; p < side * side; ++p)
    pixels += {static_cast<char>(200), static_cast<char>(p / side * 4), static_cast<char>(30)};
  for (const auto& [name, syntax, off] : {std::tuple{"RLE", EXS_RLELossless, 0},
                                          {"JPEG baseline", EXS_JPEGProcess1, 8},
                                          {"lossless JPEG", EXS_JPEGProcess14SV1, 0},
                                          {"JPEG-LS", EXS_JPEGLSLossless, 0}}) {
    const std::string of = name;
    INFO(of);
    form.syntax = syntax;
    write_dicom(folder / "c.dcm", form, pixels);
    const auto images = data::read_images(folder / "c.dcm", {3, side, {}, {}});
    REQUIRE(images.size() == 1);
    CHECK(images[0].colour);
    for (std::size_t p = 0; p < std::size_t{side} * side; ++p)
      for (std::size_t c = 0; c < 3; ++c)
        CHECK(std::abs(images[0].pixels[c * side * side + p] -
                       static_cast<unsigned char>(pixels[3 * p + c])) <= off);
  }
}

TEST_CASE(
    "a transfer syntax that no decoder is there for is refused by its name, and so is a damaged stream") {
  register_encoders();
  TempFolder folder;
  for (const auto& [name, syntax] :
       {std::pair{"JPEG 2000", EXS_JPEG2000LosslessOnly}, {"MPEG2", EXS_MPEG2MainProfileAtMainLevel}}) {
    const std::string of = name;
    INFO(of);
    auto form = form_of(8);
    write_dicom(folder / "plain.dcm", form, std::string(std::size_t{side} * side, 'x'));
    DcmFileFormat file;
    REQUIRE(file.loadFile((folder / "plain.dcm").c_str()).good());
    file.loadAllDataIntoMemory();
    auto& d = *file.getDataset();
    delete d.remove(DCM_PixelData);
    auto* sequence = new DcmPixelSequence(DCM_PixelSequenceTag);
    sequence->insert(new DcmPixelItem(DCM_PixelItemTag));
    auto* fragment = new DcmPixelItem(DCM_PixelItemTag);
    Uint8 bytes[] = {0xFF, 0x4F, 0xFF, 0x51};
    fragment->putUint8Array(bytes, sizeof bytes);
    sequence->insert(fragment);
    auto* packed = new DcmPixelData(DCM_PixelData);
    packed->putOriginalRepresentation(syntax, nullptr, sequence);
    d.insert(packed);
    REQUIRE(file.saveFile((folder / "packed.dcm").c_str(), syntax).good());
    const auto why =
        message_of<data::DataError>([&] { data::read_images(folder / "packed.dcm", grey(0, 255)); });
    CHECK(contains(why, "packed.dcm: not a readable image: its pixels cannot be decoded: "));
    CHECK(contains(why, name));
  }

  auto form = form_of(8);
  form.syntax = EXS_JPEGProcess1;
  const auto samples = slope(255);
  write_dicom(folder / "good.dcm", form, std::string(samples.begin(), samples.end()));
  auto bytes = file_bytes(folder / "good.dcm");
  const auto begin = bytes.find("\xFF\xD8\xFF");
  REQUIRE(begin != std::string::npos);
  bytes.replace(begin + 2, 40, std::string(40, '\0'));
  write_file(folder / "bad.dcm", bytes);
  CHECK(contains(message_of<data::DataError>([&] { data::read_images(folder / "bad.dcm", grey(0, 255)); }),
                 "its pixels cannot be decoded: "));
}
