#include <fmt/format.h>
#include <nifti/nifti2_io.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <stdexcept>
#include <utility>

#include "data/decoders.hpp"
#include "data/input_file.hpp"
#include "data/slices.hpp"

namespace afu::data {

namespace {

constexpr std::int32_t nifti1_bytes = 348, nifti2_bytes = 540;
constexpr std::size_t nifti1_magic_at = 344;

struct Free {
  void operator()(nifti_image* v) const { nifti_image_free(v); }
};
using Volume = std::unique_ptr<nifti_image, Free>;

/// The file's axis that runs along one of the patient's, and whether in its direction.
struct Axis {
  int file = 0;
  bool forwards = true;
};
/// To the right, to the front (anterior), to the head (superior).
using Ras = std::array<Axis, 3>;

Volume open(const std::string& path) {
  static const bool quiet = [] {
    nifti_set_debug_level(0);
    return true;
  }();
  (void)quiet;
  Volume v(nifti_image_read(path.c_str(), 0));
  if (!v) throw std::runtime_error("its header is damaged, or its other file (.hdr, .img) is missing");
  const auto axes = std::array{v->nx, v->ny, v->nz};
  double samples = 1;
  for (const auto n : axes) {
    if (n < 1 || n > max_image_side)
      throw std::runtime_error(fmt::format("{} x {} x {} samples, allowed are 1 to {} along an axis", v->nx,
                                           v->ny, v->nz, max_image_side));
    samples *= static_cast<double>(n);
  }
  if (samples > static_cast<double>(max_volume_samples))
    throw std::runtime_error(
        fmt::format("{} x {} x {} samples, allowed are {} in all", v->nx, v->ny, v->nz, max_volume_samples));
  if (v->ndim > 3 && (v->nt > 1 || v->nu > 1 || v->nv > 1 || v->nw > 1))
    throw std::runtime_error(fmt::format("{} dimensions, allowed is one volume a file", v->ndim));
  if (v->nvox != v->nx * v->ny * v->nz) throw std::runtime_error("its dimensions contradict each other");
  return v;
}

Ras axes_of(const nifti_image& v) {
  std::array<int, 3> codes{NIFTI_L2R, NIFTI_P2A, NIFTI_I2S};
  if (v.nifti_type != NIFTI_FTYPE_ANALYZE) {
    const auto& matrix = v.sform_code > 0 ? v.sto_xyz : v.qto_xyz;
    for (const auto& row : matrix.m)
      for (const double x : row)
        if (!std::isfinite(x)) throw std::runtime_error("its orientation is no matrix of finite numbers");
    nifti_dmat44_to_orientation(matrix, &codes[0], &codes[1], &codes[2]);
  }
  Ras ras;
  std::array<bool, 3> seen{};
  for (int i = 0; i < 3; ++i) {
    const auto code = codes[static_cast<std::size_t>(i)];
    if (code < NIFTI_L2R || code > NIFTI_S2I) throw std::runtime_error("its orientation cannot be told");
    const auto patient = static_cast<std::size_t>((code - 1) / 2);
    ras[patient] = {i, code % 2 == 1};
    seen[patient] = true;
  }
  if (!seen[0] || !seen[1] || !seen[2]) throw std::runtime_error("its orientation cannot be told");
  return ras;
}

/// Which of the patient's axes slices are taken along, and what runs down and to the right in an image; true: in its own
/// direction.
struct View {
  std::size_t across;
  std::pair<std::size_t, bool> down, right;
};

View view_of(config::SliceAxis axis) {
  switch (axis) {
    case config::SliceAxis::axial:
      return {2, {1, false}, {0, false}};
    case config::SliceAxis::coronal:
      return {1, {2, false}, {0, false}};
    case config::SliceAxis::sagittal:
      break;
  }
  return {0, {2, false}, {1, false}};
}

std::int64_t extent(const nifti_image& v, const Axis& a) {
  return std::array{v.nx, v.ny, v.nz}[static_cast<std::size_t>(a.file)];
}

struct Scaling {
  double slope = 1, intercept = 0;
  bool any() const { return slope != 1 || intercept != 0; }
};

/// A slope of 0 says that there is none.
Scaling scaling_of(const nifti_image& v) {
  if (v.nifti_type == NIFTI_FTYPE_ANALYZE || v.scl_slope == 0) return {};
  if (!std::isfinite(v.scl_slope) || !std::isfinite(v.scl_inter))
    throw std::runtime_error(
        fmt::format("scl_slope {} and scl_inter {} are no finite numbers", v.scl_slope, v.scl_inter));
  return {v.scl_slope, v.scl_inter};
}

/// The slices of a volume whose samples are of the type.
template <class Sample>
class Cutter {
 public:
  Cutter(const nifti_image& v, const config::SlicesSection& slices)
      : v_(v), slices_(slices), scaling_(scaling_of(v)) {}

  std::vector<Decoded> cut() {
    const auto ras = axes_of(v_);
    const auto view = view_of(slices_.axis);
    const auto across = ras[view.across];
    const auto range = range_of_values();
    std::vector<Decoded> out;
    for (const auto chosen : chosen_slices(extent(v_, across), slices_)) {
      const auto at = across.forwards ? chosen : extent(v_, across) - 1 - chosen;
      out.push_back(slice(at * stride(across), line(ras, view.down), line(ras, view.right)));
      out.back().range = range;
      if (v_.nifti_type == NIFTI_FTYPE_ANALYZE)
        out.back().warning = "it is of ANALYZE 7.5, which tells no left and right: taken as RAS";
    }
    return out;
  }

 private:
  /// Along one side of an image: where it starts in the samples, what one step is, how many there are.
  struct Line {
    std::int64_t start = 0, step = 0, count = 0;
  };

  Sample sample(std::int64_t i) const {
    Sample s;
    std::memcpy(&s, static_cast<const char*>(v_.data) + static_cast<std::size_t>(i) * sizeof s, sizeof s);
    return s;
  }
  double scaled(Sample s) const { return static_cast<double>(s) * scaling_.slope + scaling_.intercept; }
  std::int64_t stride(const Axis& a) const { return a.file == 0 ? 1 : a.file == 1 ? v_.nx : v_.nx * v_.ny; }

  Line line(const Ras& ras, std::pair<std::size_t, bool> direction) const {
    const auto& axis = ras[direction.first];
    const auto n = extent(v_, axis);
    const bool forwards = axis.forwards == direction.second;
    return {forwards ? 0 : (n - 1) * stride(axis), forwards ? stride(axis) : -stride(axis), n};
  }

  SampleRange range_of_values() const {
    SampleRange r;
    r.least = std::numeric_limits<double>::infinity();
    r.most = -r.least;
    for (std::int64_t i = 0; i < v_.nvox; ++i) {
      const auto x = scaled(sample(i));
      if (!std::isfinite(x)) throw std::runtime_error("a sample is no finite number");
      r.least = std::min(r.least, x);
      r.most = std::max(r.most, x);
    }
    if constexpr (std::is_integral_v<Sample>) {
      const auto a = scaled(std::numeric_limits<Sample>::min()),
                 b = scaled(std::numeric_limits<Sample>::max());
      r.type_least = std::min(a, b);
      r.type_most = std::max(a, b);
    }
    return r;
  }

  Decoded slice(std::int64_t start, const Line& down, const Line& right) const {
    Decoded out;
    out.height = down.count;
    out.width = right.count;
    check_image_size(out.height, out.width);
    out.sample = fmt::format("{} samples{}", nifti_datatype_string(v_.datatype),
                             scaling_.any() ? " with a scaling" : "");
    const bool bytes = std::is_same_v<Sample, std::uint8_t> && !scaling_.any();
    for (std::int64_t y = 0; y < down.count; ++y)
      for (std::int64_t x = 0; x < right.count; ++x) {
        const auto s = sample(start + down.start + y * down.step + right.start + x * right.step);
        if (bytes)
          out.pixels.push_back(static_cast<std::uint8_t>(s));
        else
          out.wide.push_back(static_cast<float>(scaled(s)));
      }
    return out;
  }

  const nifti_image& v_;
  const config::SlicesSection& slices_;
  Scaling scaling_;
};

std::int32_t as_int(const std::uint8_t* bytes) {
  std::int32_t v = 0;
  std::memcpy(&v, bytes, sizeof v);
  return v;
}

}  // namespace

bool is_nifti(const std::uint8_t* bytes, std::size_t size) {
  if (size < static_cast<std::size_t>(nifti1_bytes)) return false;
  const auto first = as_int(bytes),
             swapped = static_cast<std::int32_t>(__builtin_bswap32(static_cast<std::uint32_t>(first)));
  const auto is = [&](std::int32_t n) { return first == n || swapped == n; };
  if (is(nifti2_bytes)) return std::memcmp(bytes + 4, "n+2", 3) == 0 || std::memcmp(bytes + 4, "ni2", 3) == 0;
  if (!is(nifti1_bytes)) return false;
  // ANALYZE has no mark: its magic is what its last fields happen to hold. Its dim[0] is 1 to 7.
  const auto* magic = bytes + nifti1_magic_at;
  if (std::memcmp(magic, "n+1", 4) == 0 || std::memcmp(magic, "ni1", 4) == 0) return true;
  const auto low = bytes[40], high = bytes[41];
  return (low >= 1 && low <= 7 && high == 0) || (high >= 1 && high <= 7 && low == 0);
}

std::int64_t look_at_nifti(const std::string& path, config::SliceAxis axis) {
  const auto v = open(path);
  return extent(*v, axes_of(*v)[view_of(axis).across]);
}

std::vector<Decoded> decode_nifti(const std::string& path, const config::SlicesSection& slices) {
  const auto v = open(path);
  if (!v->iname) throw std::runtime_error("its file of samples is missing");
  require_regular_file(v->iname);
  if (nifti_image_load(v.get()) != 0 || !v->data)
    throw std::runtime_error("its samples are damaged or end too early");
  switch (v->datatype) {
    case NIFTI_TYPE_UINT8:
      return Cutter<std::uint8_t>(*v, slices).cut();
    case NIFTI_TYPE_INT8:
      return Cutter<std::int8_t>(*v, slices).cut();
    case NIFTI_TYPE_UINT16:
      return Cutter<std::uint16_t>(*v, slices).cut();
    case NIFTI_TYPE_INT16:
      return Cutter<std::int16_t>(*v, slices).cut();
    case NIFTI_TYPE_UINT32:
      return Cutter<std::uint32_t>(*v, slices).cut();
    case NIFTI_TYPE_INT32:
      return Cutter<std::int32_t>(*v, slices).cut();
    case NIFTI_TYPE_FLOAT32:
      return Cutter<float>(*v, slices).cut();
    case NIFTI_TYPE_FLOAT64:
      return Cutter<double>(*v, slices).cut();
    default:
      throw std::runtime_error(
          fmt::format("samples of the type {} ({}), allowed are 8, 16 and 32 bits, float and double",
                      nifti_datatype_string(v->datatype), v->datatype));
  }
}

}  // namespace afu::data
