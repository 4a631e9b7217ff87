#include "data/phantom.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/elementary.hpp"
#include "base/random.hpp"
#include "config/sections/data.hpp"
#include "data/memory_need.hpp"
#include "data/parallel.hpp"
#include "data/source_checks.hpp"

namespace afu::data {

namespace {

// The findings, in the order in which a set of fewer classes takes them: the first four differ in shape and
// count at a random place, which a linear model cannot follow.
enum Finding {
  clear,
  nodule,
  effusion,
  miliary,
  cavity,
  cyst,
  fibrosis,
  cardiomegaly,
  paired_nodules,
  atelectasis
};
const std::vector<std::string> finding_names{"clear",          "nodule",     "effusion", "miliary",
                                             "cavity",         "cyst",       "fibrosis", "cardiomegaly",
                                             "paired nodules", "atelectasis"};

// A draw is a statement of its own or an initialiser: the compiler may evaluate the arguments of a call in
// any order.
double between(base::Stream& s, double low, double high) { return low + (high - low) * s.uniform(); }

/// Centre and half-axes, in body coordinates: the slice spans about [-1, 1] in both. In a volume an ellipsoid, or, where c is
/// 0, a cylinder from end to end.
struct Ellipse {
  double x, y, a, b;
  double z = 0, c = 0;  ///< along the slices, which span about [-1, 1] too
};

/// One slice in the making, or a volume of `depth`. Intensities are 0 to 1. Shapes are given in body coordinates; the pose
/// lies between them and the pixels.
class Slice {
 public:
  Slice(std::int64_t side, std::int64_t depth, double difficulty, base::Stream& s)
      : depth_(depth), values_(static_cast<std::size_t>(depth * side * side)) {
    const double spread = 0.4 + 0.6 * difficulty;
    const double angle = 0.15 * spread * s.normal(), scale = 1 + 0.06 * spread * s.normal();
    const double dx = 0.07 * spread * s.normal(), dy = 0.07 * spread * s.normal();
    const double c = base::cos(angle) / scale, n = base::sin(angle) / scale;
    const double step = 2.0 / static_cast<double>(side);
    pixel_ = step / scale;
    const double dz = solid() ? 0.07 * spread * s.normal() : 0, step_z = 2.0 / static_cast<double>(depth);
    for (std::int64_t k = 0; k < depth; ++k)
      for (std::int64_t i = 0; i < side; ++i)
        for (std::int64_t j = 0; j < side; ++j) {
          const double x = (static_cast<double>(j) + 0.5) * step - 1 - dx;
          const double y = (static_cast<double>(i) + 0.5) * step - 1 - dy;
          x_.push_back(c * x + n * y);
          y_.push_back(c * y - n * x);
          z_.push_back(solid() ? ((static_cast<double>(k) + 0.5) * step_z - 1 - dz) / scale : 0);
        }
  }

  bool solid() const { return depth_ > 1; }  ///< a volume

  /// Calls f(pixel, coverage) where the ellipse covers something: 0 to 1, edges one pixel wide.
  template <class F>
  void within(const Ellipse& e, const F& f) const {
    const bool ellipsoid = solid() && e.c > 0;
    const double ia = 1 / e.a, ib = 1 / e.b, ic = ellipsoid ? 1 / e.c : 0;
    const double sharpness = (ellipsoid ? std::min({e.a, e.b, e.c}) : std::min(e.a, e.b)) / pixel_;
    const double reach = 1 + 0.5 / sharpness, outside = reach * reach;
    for (std::size_t p = 0; p < values_.size(); ++p) {
      const double u = (x_[p] - e.x) * ia, v = (y_[p] - e.y) * ib;
      double q = u * u + v * v;
      if (ellipsoid) {
        const double w = (z_[p] - e.z) * ic;
        q += w * w;
      }
      if (q < outside) f(p, std::min(1.0, 0.5 - (std::sqrt(q) - 1) * sharpness));
    }
  }

  void paint(const Ellipse& e, double value) {
    within(e, [&](std::size_t p, double c) { values_[p] += c * (value - values_[p]); });
  }
  void add(const Ellipse& e, double contrast) {
    within(e, [&](std::size_t p, double c) { values_[p] += c * contrast; });
  }
  /// A straight vessel or fibre of half-width `w`, in a volume in the plane at z.
  void add_segment(double x0, double y0, double x1, double y1, double w, double contrast, double z = 0) {
    const double lx = x1 - x0, ly = y1 - y0, l2 = lx * lx + ly * ly, reach = w + 0.5 * pixel_;
    for (std::size_t p = 0; p < values_.size(); ++p) {
      const double t = std::clamp(((x_[p] - x0) * lx + (y_[p] - y0) * ly) / l2, 0.0, 1.0);
      const double dx = x_[p] - x0 - t * lx, dy = y_[p] - y0 - t * ly;
      double q = dx * dx + dy * dy;
      if (solid()) q += (z_[p] - z) * (z_[p] - z);
      if (q < reach * reach) values_[p] += contrast * std::min(1.0, (reach - std::sqrt(q)) / pixel_);
    }
  }
  /// Raises what lies below the (slightly tilted) level `y` inside the ellipse.
  void fill_below(const Ellipse& e, double y, double tilt, double value) {
    within(e, [&](std::size_t p, double c) {
      const double depth = (y_[p] - y - tilt * (x_[p] - e.x)) / pixel_;
      values_[p] += c * std::clamp(0.5 + depth, 0.0, 1.0) * (value - values_[p]);
    });
  }
  /// The uneven sensitivity of a scanner.
  void shade(double gx, double gy, double gain, double offset) {
    for (std::size_t p = 0; p < values_.size(); ++p)
      values_[p] = values_[p] * gain * (1 + gx * x_[p] + gy * y_[p]) + offset;
  }
  double pixel() const { return pixel_; }
  const std::vector<double>& values() const { return values_; }

 private:
  std::int64_t depth_;
  double pixel_ = 0;  ///< a pixel's side in body coordinates
  std::vector<double> x_, y_, z_, values_;
};

struct Place {
  double x, y, z;
};

/// A point well inside the ellipse, or the ellipsoid, evenly distributed.
Place place_in(const Ellipse& e, double margin, base::Stream& s) {
  const double drawn = s.uniform(), phi = 2 * M_PI * s.uniform();
  if (e.c <= 0) {
    const double r = std::sqrt(drawn);
    return {e.x + std::max(0.0, e.a - margin) * r * base::cos(phi),
            e.y + std::max(0.0, e.b - margin) * r * base::sin(phi), 0};
  }
  const double r = base::pow(drawn, 1.0 / 3), up = 2 * s.uniform() - 1, flat = std::sqrt(1 - up * up);
  return {e.x + std::max(0.0, e.a - margin) * r * flat * base::cos(phi),
          e.y + std::max(0.0, e.b - margin) * r * flat * base::sin(phi),
          e.z + std::max(0.0, e.c - margin) * r * up};
}

/// A ball about the place, in a slice a disc.
Ellipse ball(const Place& at, double r) { return {at.x, at.y, r, r, at.z, r}; }

void draw_nodule(Slice& slice, const Ellipse& lung, double contrast, base::Stream& s) {
  const double r = between(s, 0.17, 0.26);
  auto nodule = ball(place_in(lung, r, s), r);
  nodule.b = r * between(s, 0.85, 1.15);
  slice.add(nodule, contrast);
}

/// What the class puts into lungs, heart and body. `contrast` is that of a solid lesion against the lung.
void draw_finding(Slice& slice, Finding finding, const Ellipse (&lungs)[2], double contrast,
                  base::Stream& s) {
  const auto& lung = lungs[s.below(2)];
  switch (finding) {
    case nodule:
      draw_nodule(slice, lung, contrast, s);
      break;
    case paired_nodules:
      for (const auto& l : lungs) draw_nodule(slice, l, contrast, s);
      break;
    case cavity: {
      const double r = between(s, 0.2, 0.28), wall = std::max(0.07, 0.9 * slice.pixel());
      const auto at = place_in(lung, r, s);
      slice.add(ball(at, r), contrast);
      slice.add(ball(at, r - wall), -contrast);
      break;
    }
    case miliary:
      for (std::uint64_t i = 0, n = 6 + s.below(5); i < n; ++i) {
        const double r = between(s, 0.055, 0.085);
        slice.add(ball(place_in(lungs[i % 2], r, s), r), contrast);
      }
      break;
    case effusion: {
      const double tilt = 0.2 * s.normal(), level = lung.y + between(s, -0.1, 0.25);
      slice.fill_below(lung, level, tilt, 0.2 + contrast);
      break;
    }
    case cyst: {
      const double r = between(s, 0.1, 0.16);
      Place at{between(s, -0.12, 0.12), between(s, -0.5, 0.3), 0};
      if (slice.solid()) at.z = between(s, -0.6, 0.6);
      slice.add(ball(at, r), -contrast);
      break;
    }
    case fibrosis: {
      const double angle = M_PI * s.uniform(), c = base::cos(angle), n = base::sin(angle);
      const auto [x, y, z] = place_in(lung, 0.2, s);
      for (int k = -2; k <= 2; ++k) {
        const double px = x - 0.1 * k * n, py = y + 0.1 * k * c;
        slice.add_segment(px - 0.2 * c, py - 0.2 * n, px + 0.2 * c, py + 0.2 * n, 0.015, 0.8 * contrast, z);
      }
      break;
    }
    case clear:
    case cardiomegaly:
    case atelectasis:
      break;  // nothing, or drawn with the organs
  }
}

/// Organs that everybody has, in the size the findings give them, and then the findings themselves.
Slice draw_slice(std::int64_t side, std::int64_t depth, const std::vector<Finding>& findings,
                 double difficulty, base::Stream& s) {
  const auto has = [&](Finding f) {
    return std::find(findings.begin(), findings.end(), f) != findings.end();
  };
  Slice slice(side, depth, difficulty, s);
  const double d = difficulty;
  const Ellipse body{0, 0, between(s, 0.92, 1.02), between(s, 0.84, 0.94)};
  const double tissue = between(s, 0.42, 0.52);
  slice.paint(body, tissue + 0.15);  // skin and ribs
  slice.paint({0, 0, body.a - 0.09, body.b - 0.09}, tissue);

  Ellipse lungs[2] = {{-0.46, -0.03, between(s, 0.32, 0.38), between(s, 0.52, 0.6)},
                      {0.46, -0.03, between(s, 0.32, 0.38), between(s, 0.52, 0.6)}};
  for (auto& lung : lungs)
    if (slice.solid()) lung.c = between(s, 0.75, 0.85);
  if (has(atelectasis)) {
    const double shrink = 1 - between(s, 0.25, 0.45) * (1 - 0.4 * d);
    auto& lung = lungs[s.below(2)];
    lung.a *= shrink;
    lung.b *= shrink;
    lung.c *= shrink;
  }
  for (const auto& lung : lungs) slice.paint(lung, between(s, 0.16, 0.24));
  const double swollen = has(cardiomegaly) ? 1 + between(s, 0.35, 0.7) * (1 - 0.4 * d) : between(s, 0.9, 1.1);
  slice.paint({0.06, 0.12, 0.17 * swollen, 0.2 * swollen, -0.1, 0.25 * swollen}, tissue + 0.08);
  slice.paint({0, 0.62, 0.12, 0.12}, 0.85);  // spine

  // What every class has too and may be taken for a finding: vessels, and now and then a faint spot.
  for (std::uint64_t i = 0, n = 2 + s.below(3); i < n; ++i) {
    const auto& lung = lungs[i % 2];
    const auto [x, y, z] = place_in(lung, 0.05, s);
    slice.add_segment(lung.x * 0.6, lung.y, x, y, 0.01, between(s, 0.05, 0.1 + 0.15 * d), z);
  }
  for (std::uint64_t i = 0, n = s.below(3); i < n; ++i) {
    const double r = between(s, 0.05, 0.12);
    const auto at = place_in(lungs[s.below(2)], r, s);
    slice.add(ball(at, r), between(s, 0, 0.25 * d));
  }

  // Some findings are hardly visible: they can only be memorised, which bounds what a test set allows.
  const double visibility = s.uniform() < 0.25 * d ? between(s, 0, 0.5) : 1;
  const double contrast = 0.5 * (1 - 0.4 * d) * (1 - 0.5 * d * s.uniform()) * visibility;
  for (const auto finding : findings) draw_finding(slice, finding, lungs, contrast, s);
  const double offset = 0.06 * d * s.normal(), gain = between(s, 1 - 0.3 * d, 1 + 0.3 * d);
  const double gy = 0.15 * d * s.normal(), gx = 0.15 * d * s.normal();
  slice.shade(gx, gy, gain, offset);
  return slice;
}

/// Each of the labels or not, independently.
std::int64_t drawn_labels(std::int64_t labels, const base::StreamKey& key) {
  base::Stream s(key);
  std::int64_t set = 0;
  for (std::int64_t l = 0; l < labels; ++l)
    if (s.uniform() < phantom_label_share) set = with_label(set, l);
  return set;
}

}  // namespace

Images make_phantoms(std::int64_t n, std::uint64_t split, const config::DataSection& section,
                     std::uint64_t seed) {
  const auto refuse = [](const char* key, auto value, const std::string& allowed) {
    throw DataError(fmt::format("data.{}: value is {}, allowed {}", key, value, allowed));
  };
  const bool sets = section.task == config::DataTask::multi_label;
  // Sets of labels: no finding at all is no label.
  const auto most = sets ? max_phantom_classes - 1 : max_phantom_classes;
  if (section.classes < 2 || section.classes > most)
    refuse("classes", section.classes,
           fmt::format("2 to {} for the phantom{}", most, sets ? ", of which \"clear\" is no label" : ""));
  if (section.image_size < min_phantom_size)
    refuse("image_size", section.image_size, fmt::format("at least {} for the phantom", min_phantom_size));
  if (section.depth != 1 && section.depth < min_phantom_size)
    refuse("depth", section.depth, fmt::format("1, or at least {} for the phantom", min_phantom_size));
  if (section.channels != 1 && section.channels != 3) refuse("channels", section.channels, "1 or 3");
  if (!(section.difficulty >= 0 && section.difficulty <= 1))
    refuse("difficulty", section.difficulty, "0 to 1");

  Images out;
  out.channels = section.channels;
  out.height = out.width = section.image_size;
  out.depth = section.depth;
  out.pixels.resize(static_cast<std::size_t>(n * out.image_bytes()));
  if (sets) out.label_bits = section.classes;
  for (std::int64_t i = 0; i < n; ++i)
    out.labels.push_back(sets ? drawn_labels(section.classes, {seed, base::purpose("phantom labels"), split,
                                                               static_cast<std::uint64_t>(i)})
                              : i % section.classes);

  const double noise = 0.02 + 0.14 * section.difficulty;
  // The tint of a stain; grey images take the first.
  constexpr double tint[3] = {1.0, 0.82, 0.9};
  parallel_for(n, [&](std::int64_t i) {
    base::Stream s({seed, base::purpose("phantom"), split, static_cast<std::uint64_t>(i)});
    const auto label = out.labels[static_cast<std::size_t>(i)];
    std::vector<Finding> findings;
    if (!sets) findings.push_back(static_cast<Finding>(label));
    for (std::int64_t l = 0; sets && l < section.classes; ++l)
      if (has_label(label, l)) findings.push_back(static_cast<Finding>(l + 1));
    const auto slice = draw_slice(section.image_size, section.depth, findings, section.difficulty, s);
    auto* to = out.pixels.data() + i * out.image_bytes();
    for (std::int64_t c = 0; c < section.channels; ++c)
      for (const double v : slice.values())
        *to++ = static_cast<std::uint8_t>(
            std::clamp(std::lround(255 * (v * tint[c] + noise * s.normal())), 0l, 255l));
  });
  return out;
}

Source make_phantom_source(const config::DataSection& section, std::uint64_t seed) {
  check_phantom_memory(section, usable_memory());
  Source s;
  s.name = "phantom";
  const auto train =
      section.limit > 0 ? std::min(section.limit, section.train_samples) : section.train_samples;
  s.train = make_phantoms(train, 0, section, seed);
  s.val = make_phantoms(section.val_samples, 1, section, seed);
  s.test = make_phantoms(section.test_samples, 2, section, seed);
  const auto first = finding_names.begin() + (s.multi_label() ? 1 : 0);
  s.class_names.assign(first, first + section.classes);
  check_classes(s, fmt::format("data.train_samples = {}", section.train_samples));
  return s;
}

}  // namespace afu::data
