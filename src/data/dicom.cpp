#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmimage/diregist.h>
#include <dcmtk/dcmimgle/dcmimage.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>

#include "data/decoders.hpp"
#include "data/slices.hpp"

namespace afu::data {

namespace {

/// Whether a transfer syntax has pixels in fragments, in DCMTK's own words.
bool in_fragments(E_TransferSyntax syntax) {
#if PACKAGE_VERSION_NUMBER >= 369
  return DcmXfer(syntax).usesEncapsulatedFormat();
#else
  return DcmXfer(syntax).isEncapsulated();
#endif
}

constexpr std::size_t mark_at = 128, mark_bytes = 4;
constexpr Uint32 longest_element = 1 << 12;  ///< what a header's look loads; longer ones stay in the file

#ifndef AFU_DICOM_FOLDER
#define AFU_DICOM_FOLDER ""  // DCMTK knows where its dictionary is installed
#endif

/// DCMTK's dictionary, without which no element has a type. DCMTK knows the place where its package installs it, or DCMDICTPATH
/// tells. Where the libraries were unpacked instead, it lies in the folder that the program was built with, or beside the
/// program (tools/pack_afu.sh). Throws std::runtime_error where it is in none of these.
void find_dictionary() {
  if (dcmDataDict.isDictionaryLoaded()) return;
  const auto* given = std::getenv(DCM_DICT_ENVIRONMENT_VARIABLE);
  if (given && *given)
    throw std::runtime_error(fmt::format("{} is \"{}\", which holds no dictionary of DICOM",
                                         DCM_DICT_ENVIRONMENT_VARIABLE, given));
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  for (const auto& folder :
       {std::filesystem::path(AFU_DICOM_FOLDER), program.parent_path().parent_path() / "share/afu"}) {
    if (folder.empty() || !std::filesystem::exists(folder / "dicom.dic", error)) continue;
    auto& dictionary = dcmDataDict.wrlock();
    bool loaded = true;
    for (const auto* file : {"dicom.dic", "private.dic"})  // as DCMTK's own path has them
      loaded = dictionary.loadDictionary((folder / file).c_str()) && loaded;
    dcmDataDict.wrunlock();
    if (loaded) return;
  }
  throw std::runtime_error(
      fmt::format("the dictionary of DICOM (dicom.dic of DCMTK) is not there; {} may name it",
                  DCM_DICT_ENVIRONMENT_VARIABLE));
}

/// The dictionary, and the decoders of compressed pixels, for the process; the library's messages are ours to tell.
void prepare() {
  static const bool ready = [] {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    find_dictionary();
    DcmRLEDecoderRegistration::registerCodecs();
    DJDecoderRegistration::registerCodecs();
    DJLSDecoderRegistration::registerCodecs();
    return true;
  }();
  (void)ready;
}

void require(const OFCondition& condition, const char* what) {
  if (condition.bad()) throw std::runtime_error(fmt::format("{}: {}", what, condition.text()));
}

std::string text(DcmItem& item, const DcmTagKey& tag) {
  OFString value;
  if (item.findAndGetOFString(tag, value).bad()) return {};
  std::string out(value.c_str());
  out.erase(out.find_last_not_of(' ') + 1);
  out.erase(0, out.find_first_not_of(' '));
  return out;
}

std::int64_t frames_of(DcmItem& data) {
  const auto given = text(data, DCM_NumberOfFrames);
  if (given.empty()) return 1;
  Sint32 frames = 0;
  if (data.findAndGetSint32(DCM_NumberOfFrames, frames).bad() || frames < 1)
    throw std::runtime_error(fmt::format("NumberOfFrames is \"{}\"", given));
  return frames;
}

/// One file's dataset.
class Dicom {
 public:
  explicit Dicom(DcmDataset& data) : data_(data) {
    height_ = whole(DCM_Rows);
    width_ = whole(DCM_Columns);
    check_image_size(height_, width_);
    frames_ = frames_of(data);
    if (height_ * width_ > max_volume_samples / frames_)
      throw std::runtime_error(fmt::format("{} frames of {} x {} pixels, allowed are {} in all", frames_,
                                           width_, height_, max_volume_samples));
    kind_ = text(data, DCM_PhotometricInterpretation);
    check_claim();
  }

  std::vector<Decoded> decode(const config::SlicesSection& slices) {
    const auto chosen = chosen_slices(frames_, slices);
    return kind_ == "MONOCHROME1" || kind_ == "MONOCHROME2" ? grey(chosen) : colour(chosen);
  }

 private:
  /// Before anything is allocated for frames that a header of a few bytes can claim: there are as many bytes as they take, or,
  /// where they are packed, a fragment for each.
  void check_claim() {
    DcmElement* element = nullptr;
    if (data_.findAndGetElement(DCM_PixelData, element).bad() || !element)
      throw std::runtime_error("it has no pixels (PixelData)");
    const auto syntax = data_.getOriginalXfer();
    if (in_fragments(syntax)) {
      DcmPixelSequence* fragments = nullptr;
      auto* pixels = dynamic_cast<DcmPixelData*>(element);
      if (!pixels || pixels->getEncapsulatedRepresentation(syntax, nullptr, fragments).bad() || !fragments ||
          static_cast<std::int64_t>(fragments->card()) < frames_ + 1)  // the first is the table of offsets
        throw std::runtime_error(
            fmt::format("fewer fragments of pixels than its {} frames: the file ends too early", frames_));
      return;
    }
    const bool halved = kind_ == "YBR_FULL_422";  // two samples of colour for two pixels
    const auto samples = halved ? 2 : whole(DCM_SamplesPerPixel, 1);
    const auto needed = height_ * width_ * frames_ * samples * (whole(DCM_BitsAllocated) / 8);
    if (static_cast<std::int64_t>(element->getLength(syntax)) < needed)
      throw std::runtime_error(fmt::format("{} bytes of pixels, {} are needed: the file ends too early",
                                           element->getLength(syntax), needed));
  }

  std::int64_t whole(const DcmTagKey& tag, std::optional<std::int64_t> missing = {}) {
    Uint16 v = 0;
    if (data_.findAndGetUint16(tag, v).good()) return v;
    if (missing) return *missing;
    throw std::runtime_error(fmt::format("{} is missing", DcmTag(tag).getTagName()));
  }

  /// Of one frame, wherever it stands: in the dataset, in the frame's functional groups, or in those that all share.
  std::optional<double> number(const DcmTagKey& tag, std::int64_t frame) {
    Float64 v = 0;
    if (data_.findAndGetFloat64(tag, v).good()) return v;
    DcmItem* item = nullptr;
    if (data_.findAndGetSequenceItem(DCM_PerFrameFunctionalGroupsSequence, item, static_cast<long>(frame))
            .good() &&
        item && item->findAndGetFloat64(tag, v, 0, OFTrue).good())
      return v;
    if (data_.findAndGetSequenceItem(DCM_SharedFunctionalGroupsSequence, item, 0).good() && item &&
        item->findAndGetFloat64(tag, v, 0, OFTrue).good())
      return v;
    return std::nullopt;
  }

  /// With the name of the transfer syntax, for some have no decoder here.
  [[noreturn]] void cannot_decode(const char* why) {
    throw std::runtime_error(fmt::format("its pixels cannot be decoded: {} ({})", why,
                                         DcmXfer(data_.getOriginalXfer()).getXferName()));
  }

  /// The samples of all frames, as they are stored.
  std::vector<std::uint32_t> stored_samples(std::int64_t allocated) {
    const auto done = data_.chooseRepresentation(EXS_LittleEndianExplicit, nullptr);
    if (done.bad()) cannot_decode(done.text());
    const auto wanted = static_cast<std::size_t>(height_ * width_ * frames_);
    const Uint8* bytes = nullptr;
    const Uint16* words = nullptr;
    unsigned long count = 0;
    if (data_.findAndGetUint16Array(DCM_PixelData, words, &count).good() && words) {
      count *= 2;
      bytes = reinterpret_cast<const Uint8*>(words);
    } else {
      require(data_.findAndGetUint8Array(DCM_PixelData, bytes, &count), "its pixels cannot be read");
    }
    const auto sample = static_cast<std::size_t>(allocated / 8);
    if (!bytes || count < wanted * sample)
      throw std::runtime_error(
          fmt::format("{} bytes of pixels, {} are needed: the file ends too early", count, wanted * sample));
    std::vector<std::uint32_t> out(wanted);
    for (std::size_t i = 0; i < wanted; ++i)
      out[i] = sample == 1 ? bytes[i] : static_cast<std::uint32_t>(bytes[2 * i] | bytes[2 * i + 1] << 8);
    return out;
  }

  /// The file's first window, as DICOM PS3.3 C.11.2.1.2 draws it.
  void tell_window(std::int64_t frame, SampleRange& range) {
    const auto centre = number(DCM_WindowCenter, frame), width = number(DCM_WindowWidth, frame);
    if (!centre || !width) return;
    const auto form = text(data_, DCM_VOILUTFunction);
    if (form == "SIGMOID") return;  // whoever wants it as it is stored is told that it has no window
    if (!std::isfinite(*centre) || !std::isfinite(*width) || !(*width > 0)) return;
    if (form == "LINEAR_EXACT") {
      range.own_least = *centre - *width / 2;
      range.own_most = *centre + *width / 2;
      return;
    }
    range.own_least = *centre - 0.5 - (*width - 1) / 2;
    range.own_most = std::max(*centre - 0.5 + (*width - 1) / 2, range.own_least + 1e-6);
  }

  std::vector<Decoded> grey(const base::Indices& chosen) {
    const auto allocated = whole(DCM_BitsAllocated), bits = whole(DCM_BitsStored),
               high = whole(DCM_HighBit, bits - 1);
    const bool is_signed = whole(DCM_PixelRepresentation, 0) == 1;
    if (whole(DCM_SamplesPerPixel, 1) != 1)
      throw std::runtime_error(fmt::format("{} with several samples a pixel", kind_));
    if ((allocated != 8 && allocated != 16) || bits < 1 || bits > allocated || high + 1 < bits ||
        high >= allocated)
      throw std::runtime_error(
          fmt::format("{} of {} bits, the highest {}, allowed are those of 8 and 16", bits, allocated, high));
    if (data_.tagExists(DCM_ModalityLUTSequence))
      throw std::runtime_error("a modality table (ModalityLUTSequence), which is not applied");
    const auto samples = stored_samples(allocated);
    const auto shift = high + 1 - bits;
    const std::uint32_t mask = (1u << bits) - 1, sign = 1u << (bits - 1);
    const auto value = [&](std::uint32_t raw) {
      const auto v = raw >> shift & mask;
      return static_cast<double>(is_signed && (v & sign)
                                     ? static_cast<std::int64_t>(v) - (std::int64_t{1} << bits)
                                     : static_cast<std::int64_t>(v));
    };
    const auto plane = static_cast<std::size_t>(height_ * width_);
    SampleRange whole_range;
    whole_range.least = std::numeric_limits<double>::infinity();
    whole_range.most = -whole_range.least;
    std::vector<Decoded> out;
    for (std::int64_t f = 0; f < frames_; ++f) {
      const auto slope = number(DCM_RescaleSlope, f).value_or(1),
                 intercept = number(DCM_RescaleIntercept, f).value_or(0);
      if (!std::isfinite(slope) || !std::isfinite(intercept))
        throw std::runtime_error("its rescaling is no finite number");
      const auto* raw = samples.data() + plane * static_cast<std::size_t>(f);
      for (std::size_t i = 0; i < plane; ++i) {
        const auto v = value(raw[i]) * slope + intercept;
        whole_range.least = std::min(whole_range.least, v);
        whole_range.most = std::max(whole_range.most, v);
      }
      if (!std::binary_search(chosen.begin(), chosen.end(), f)) continue;
      Decoded d;
      d.height = height_;
      d.width = width_;
      d.inverted = kind_ == "MONOCHROME1";
      d.sample = fmt::format("{} bits a sample{}{}", bits, is_signed ? ", signed" : "",
                             slope != 1 || intercept != 0 ? ", with a rescaling" : "");
      const auto a = (is_signed ? -static_cast<double>(sign) : 0) * slope + intercept,
                 b = static_cast<double>(is_signed ? sign - 1 : mask) * slope + intercept;
      d.range.type_least = std::min(a, b);
      d.range.type_most = std::max(a, b);
      tell_window(f, d.range);
      const bool bytes =
          bits <= 8 && !is_signed && slope == 1 && intercept == 0 && !(d.range.own_least < d.range.own_most);
      for (std::size_t i = 0; i < plane; ++i) {
        const auto v = value(raw[i]) * slope + intercept;
        if (bytes && bits == 8)
          d.pixels.push_back(static_cast<std::uint8_t>(d.inverted ? 255 - v : v));
        else
          d.wide.push_back(static_cast<float>(v));
      }
      out.push_back(std::move(d));
    }
    for (auto& d : out) {
      d.range.least = whole_range.least;
      d.range.most = whole_range.most;
    }
    return out;
  }

  std::vector<Decoded> colour(const base::Indices& chosen) {
    if (kind_ != "RGB" && kind_ != "PALETTE COLOR" && kind_.rfind("YBR_", 0) != 0)
      throw std::runtime_error(
          fmt::format("PhotometricInterpretation \"{}\", allowed are MONOCHROME1, MONOCHROME2, RGB, "
                      "PALETTE COLOR and YBR",
                      kind_));
    if (whole(DCM_BitsAllocated) != 8 && kind_ != "PALETTE COLOR")
      throw std::runtime_error(
          fmt::format("{} of {} bits a sample, allowed are 8", kind_, whole(DCM_BitsAllocated)));
    DicomImage image(&data_, data_.getOriginalXfer(), CIF_MayDetachPixelData, 0,
                     static_cast<unsigned long>(frames_));
    if (image.getStatus() != EIS_Normal) cannot_decode(DicomImage::getString(image.getStatus()));
    std::vector<Decoded> out;
    for (const auto f : chosen) {
      Decoded d;
      d.height = height_;
      d.width = width_;
      d.channels = 3;
      d.colour = true;
      d.pixels.resize(static_cast<std::size_t>(3 * height_ * width_));
      if (image.isMonochrome() || image.getOutputDataSize(8) != d.pixels.size() ||
          image.getOutputData(d.pixels.data(), d.pixels.size(), 8, static_cast<unsigned long>(f), 0) == 0)
        throw std::runtime_error("its pixels cannot be made RGB");
      out.push_back(std::move(d));
    }
    return out;
  }

  DcmDataset& data_;
  std::int64_t height_ = 0, width_ = 0, frames_ = 1;
  std::string kind_;
};

}  // namespace

bool is_dicom(const std::uint8_t* bytes, std::size_t size) {
  return size >= mark_at + mark_bytes && std::memcmp(bytes + mark_at, "DICM", mark_bytes) == 0;
}

DicomLook look_at_dicom(const std::string& path) {
  prepare();
  DcmFileFormat file;
  require(file.loadFileUntilTag(path.c_str(), EXS_Unknown, EGL_noChange, longest_element, ERM_autoDetect,
                                DCM_PixelData),
          "its header cannot be read");
  return {frames_of(*file.getDataset()), text(*file.getDataset(), DCM_PatientID)};
}

std::vector<Decoded> decode_dicom(const std::string& path, const config::SlicesSection& slices) {
  prepare();
  DcmFileFormat file;
  // What is long is loaded where it is asked for, and only what the file holds: a few bytes can claim gigabytes.
  require(file.loadFile(path.c_str(), EXS_Unknown, EGL_noChange, longest_element), "it cannot be read");
  return Dicom(*file.getDataset()).decode(slices);
}

}  // namespace afu::data
