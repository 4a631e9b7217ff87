#include "data/npy_samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <type_traits>

namespace afu::data {

namespace {

/// IEEE 754 binary16.
double from_half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double sign = bits >> 15 ? -1 : 1;
  if (exponent == 31)
    return fraction ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25));
}

struct Half {
  std::uint16_t bits;
};
double number(Half v) { return from_half(v.bits); }
template <class Sample>
double number(Sample v) {
  return static_cast<double>(v);
}

template <class Sample>
SampleRange range_of() {
  SampleRange r;
  if constexpr (std::is_integral_v<Sample>) {
    r.type_least = static_cast<double>(std::numeric_limits<Sample>::min());
    r.type_most = static_cast<double>(std::numeric_limits<Sample>::max());
  }
  return r;
}

/// Calls visit(sample) for each, as a double. Returns what the type holds.
template <class Sample, class Visit>
SampleRange each(const NpyArray& a, std::int64_t first, const Visit& visit) {
  for (std::int64_t i = 0; i < a.size(); ++i) {
    Sample v;
    std::memcpy(&v, a.bytes.data() + static_cast<std::size_t>(i) * sizeof v, sizeof v);
    const auto x = number(v);
    if (!std::isfinite(x)) throw std::runtime_error(fmt::format("sample {} is no finite number", first + i));
    visit(x);
  }
  return range_of<Sample>();
}

template <class Visit>
SampleRange visit_samples(const NpyArray& a, std::int64_t first, const Visit& visit) {
  switch (a.kind * 16 + static_cast<int>(a.item_size)) {
    case 'u' * 16 + 1:
      return each<std::uint8_t>(a, first, visit);
    case 'u' * 16 + 2:
      return each<std::uint16_t>(a, first, visit);
    case 'u' * 16 + 4:
      return each<std::uint32_t>(a, first, visit);
    case 'u' * 16 + 8:
      return each<std::uint64_t>(a, first, visit);
    case 'i' * 16 + 1:
      return each<std::int8_t>(a, first, visit);
    case 'i' * 16 + 2:
      return each<std::int16_t>(a, first, visit);
    case 'i' * 16 + 4:
      return each<std::int32_t>(a, first, visit);
    case 'i' * 16 + 8:
      return each<std::int64_t>(a, first, visit);
    case 'f' * 16 + 2:
      return each<Half>(a, first, visit);
    case 'f' * 16 + 4:
      return each<float>(a, first, visit);
    case 'f' * 16 + 8:
      return each<double>(a, first, visit);
    default:
      throw std::runtime_error(fmt::format("dtype {}, images must be integers or floats", a.dtype()));
  }
}

}  // namespace

SampleRange npy_range(const NpyArray& array, std::int64_t first) {
  double least = std::numeric_limits<double>::infinity(), most = -least;
  auto range = visit_samples(array, first, [&](double x) {
    least = std::min(least, x);
    most = std::max(most, x);
  });
  if (array.size() > 0) range.least = least, range.most = most;
  return range;
}

std::vector<std::uint8_t> npy_in_window(const NpyArray& array, const Window& window, std::int64_t& outside,
                                        std::int64_t first) {
  std::vector<std::uint8_t> out;
  out.reserve(static_cast<std::size_t>(array.size()));
  visit_samples(array, first, [&](double x) {
    outside += !(x >= window.low && x <= window.high);
    out.push_back(in_window(x, window));
  });
  return out;
}

}  // namespace afu::data
