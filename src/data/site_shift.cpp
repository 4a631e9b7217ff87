#include "data/site_shift.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "base/elementary.hpp"
#include "base/random.hpp"
#include "data/parallel.hpp"
#include "data/strata.hpp"
#include "data/units.hpp"

namespace afu::data {

namespace {

/// Each strength has a stream of its own.
base::Stream stream_of(const char* strength, std::uint64_t seed, std::int64_t site) {
  return base::Stream(
      {seed, base::purpose("site shift"), static_cast<std::uint64_t>(site), base::purpose(strength)});
}

double within(double low, double high, base::Stream& s) { return low + (high - low) * s.uniform(); }

/// The point spread at 0, 1, ... pixels from its centre, summing to 1 over both sides.
std::vector<double> point_spread(double deviation) {
  std::vector<double> weights;
  const auto reach = std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(3 * deviation)));
  double sum = 0;
  for (std::int64_t d = 0; d <= reach; ++d) {
    const auto z = static_cast<double>(d) / deviation;
    weights.push_back(base::exp(-z * z / 2));
    sum += d == 0 ? weights.back() : 2 * weights.back();
  }
  for (auto& w : weights) w /= sum;
  return weights;
}

/// `line` of `n` values that stand `step` apart; beyond its ends the last value goes on.
void blur_line(double* line, std::int64_t n, std::int64_t step, const std::vector<double>& weights,
               std::vector<double>& copy) {
  copy.resize(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) copy[static_cast<std::size_t>(i)] = line[i * step];
  const auto at = [&](std::int64_t i) {
    return copy[static_cast<std::size_t>(std::clamp<std::int64_t>(i, 0, n - 1))];
  };
  for (std::int64_t i = 0; i < n; ++i) {
    double value = weights[0] * at(i);
    for (std::size_t d = 1; d < weights.size(); ++d) {
      const auto far = static_cast<std::int64_t>(d);
      value += weights[d] * (at(i - far) + at(i + far));
    }
    line[i * step] = value;
  }
}

/// A site's shift, prepared for images of one size.
class Scanner {
 public:
  Scanner(const SiteShift& site, const Images& images, std::uint64_t seed)
      : depth_(images.depth), height_(images.height), width_(images.width), seed_(seed), noise_(site.noise) {
    for (std::size_t v = 0; v < contrast_.size(); ++v)
      contrast_[v] = site.gain * base::pow(static_cast<double>(v) / 255, site.gamma);
    if (site.bias > 0) field_ = bias_field(site, height_, width_, depth_);
    if (site.blur > 0) spread_ = point_spread(site.blur);
  }

  /// An image [channels, depth, height, width]; `number` names its noise.
  void alter(std::uint8_t* pixels, std::int64_t channels, std::uint64_t number) const {
    base::Stream noise({seed_, base::purpose("site noise"), number, 0});
    std::vector<double> x(static_cast<std::size_t>(depth_ * height_ * width_)), line;
    for (auto* out = pixels; channels > 0; --channels, out += x.size()) {
      for (std::size_t i = 0; i < x.size(); ++i)
        x[i] = contrast_[out[i]] * (field_.empty() ? 1.0 : field_[i]);
      if (!spread_.empty()) {
        const auto plane = height_ * width_;
        for (std::int64_t z = 0; z < depth_; ++z) {
          auto* slice = x.data() + z * plane;
          for (std::int64_t y = 0; y < height_; ++y) blur_line(slice + y * width_, width_, 1, spread_, line);
          for (std::int64_t c = 0; c < width_; ++c) blur_line(slice + c, height_, width_, spread_, line);
        }
        for (std::int64_t p = 0; depth_ > 1 && p < plane; ++p)
          blur_line(x.data() + p, depth_, plane, spread_, line);
      }
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (noise_ > 0) x[i] += noise_ * noise.normal();
        out[i] = static_cast<std::uint8_t>(std::lround(255 * std::clamp(x[i], 0.0, 1.0)));
      }
    }
  }

 private:
  std::int64_t depth_, height_, width_;
  std::uint64_t seed_;
  double noise_;
  std::array<double, 256> contrast_{};
  std::vector<double> field_, spread_;
};

}  // namespace

std::vector<SiteShift> draw_site_shifts(const config::SiteShiftSection& section, std::int64_t sites,
                                        std::uint64_t seed) {
  std::vector<SiteShift> all(static_cast<std::size_t>(sites));
  for (std::int64_t i = 0; i < sites; ++i) {
    auto& site = all[static_cast<std::size_t>(i)];
    if (const double c = section.contrast; c > 0) {
      auto s = stream_of("contrast", seed, i);
      site.gamma = base::pow(2, within(-c, c, s));
      site.gain = within(1 - c / 2, 1 + c / 2, s);
    }
    if (section.noise > 0) {
      auto s = stream_of("noise", seed, i);
      site.noise = within(0, section.noise, s);
    }
    if (section.bias_field > 0) {
      auto s = stream_of("bias field", seed, i);
      site.bias = within(0, section.bias_field, s);
      for (auto& weight : site.waves) weight = s.normal();
    }
    if (section.resolution > 0) {
      auto s = stream_of("resolution", seed, i);
      site.blur = within(0, section.resolution, s);
    }
  }
  return all;
}

std::vector<double> bias_field(const SiteShift& site, std::int64_t height, std::int64_t width,
                               std::int64_t depth) {
  struct Wave {
    int down, across, along;  ///< half periods, the last from slice to slice
  };
  constexpr std::array<Wave, 9> waves{
      {{0, 1, 0}, {1, 0, 0}, {1, 1, 0}, {0, 2, 0}, {2, 0, 0}, {0, 0, 1}, {0, 1, 1}, {1, 0, 1}, {0, 0, 2}}};
  constexpr std::size_t within_slices = 5;
  const auto used = depth > 1 ? waves.size() : within_slices;
  const auto place = [](std::int64_t i, std::int64_t n) {
    return (static_cast<double>(i) + 0.5) / static_cast<double>(n);
  };
  std::vector<double> field;
  field.reserve(static_cast<std::size_t>(depth * height * width));
  for (std::int64_t z = 0; z < depth; ++z)
    for (std::int64_t y = 0; y < height; ++y)
      for (std::int64_t x = 0; x < width; ++x) {
        const double w = place(z, depth), v = place(y, height), u = place(x, width);
        double sum = 0;
        for (std::size_t i = 0; i < used; ++i) {
          double wave =
              site.waves[i] * base::cos(M_PI * waves[i].down * v) * base::cos(M_PI * waves[i].across * u);
          if (waves[i].along > 0) wave *= base::cos(M_PI * waves[i].along * w);
          sum += wave;
        }
        field.push_back(sum);
      }
  const double mean = std::accumulate(field.begin(), field.end(), 0.0) / static_cast<double>(field.size());
  double largest = 0;
  for (auto& value : field) largest = std::max(largest, std::abs(value -= mean));
  for (auto& value : field) value = base::exp(largest > 0 ? site.bias * value / largest : 0.0);
  return field;
}

void shift_rows(Images& images, const Indices& rows, const SiteShift& site, std::uint64_t seed) {
  if (!site.any()) return;
  const Scanner scanner(site, images, seed);
  parallel_for(static_cast<std::int64_t>(rows.size()), [&](std::int64_t i) {
    const auto row = rows[static_cast<std::size_t>(i)];
    scanner.alter(images.pixels.data() + row * images.image_bytes(), images.channels,
                  static_cast<std::uint64_t>(row));
  });
}

std::vector<Indices> deal_to_sites(const Indices& rows, const Images& images, std::int64_t sites,
                                   std::uint64_t seed) {
  std::map<std::int64_t, std::vector<Unit>> classes;
  for (auto& unit : make_units(rows, strata(images), images.subjects))
    classes[unit.label].push_back(std::move(unit));
  std::vector<Indices> parts(static_cast<std::size_t>(sites));
  std::size_t next = 0;
  for (auto& [label, units] : classes) {
    base::Stream s({seed, base::purpose("test sites"), static_cast<std::uint64_t>(label), 0});
    base::shuffle(units, s);
    for (const auto& unit : units) {
      auto& part = parts[next++ % parts.size()];
      part.insert(part.end(), unit.rows.begin(), unit.rows.end());
    }
  }
  for (auto& part : parts) std::sort(part.begin(), part.end());
  return parts;
}

std::string strengths_text(const config::SiteShiftSection& section) {
  std::string text;
  for (const auto& [name, value] : {std::pair{"contrast", section.contrast},
                                    {"noise", section.noise},
                                    {"bias field", section.bias_field},
                                    {"resolution", section.resolution}})
    if (value > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value);
  return text;
}

}  // namespace afu::data
