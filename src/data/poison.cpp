#include "data/poison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/elementary.hpp"
#include "base/random.hpp"
#include "config/sections/backdoor.hpp"

namespace afu::data {

namespace {

constexpr double blend_periods = 6;

/// How many pixels an image has along each axis; of more than one slice it is a volume.
struct Extent {
  std::int64_t channels, depth, height, width;
  std::int64_t count() const { return channels * depth * height * width; }
  std::int64_t least() const {
    return depth > 1 ? std::min({depth, height, width}) : std::min(height, width);
  }
};

/// A square, of a volume a cube; value(k, i, j) by slice, row and column of it.
template <class Value>
void draw_corner(std::uint8_t* pixels, const Extent& e, std::int64_t size, const Value& value) {
  if (size < 1 || size > e.least())
    throw DataError(fmt::format("data.backdoor.size: value is {}, allowed 1 to {}, the {}'s side", size,
                                e.least(), e.depth > 1 ? "volume" : "image"));
  const auto slices = e.depth > 1 ? size : 1;
  for (std::int64_t c = 0; c < e.channels; ++c)
    for (std::int64_t k = 0; k < slices; ++k)
      for (std::int64_t i = 0; i < size; ++i)
        for (std::int64_t j = 0; j < size; ++j) {
          const auto slice = c * e.depth + e.depth - slices + k;
          pixels[(slice * e.height + e.height - size + i) * e.width + e.width - size + j] = value(k, i, j);
        }
}

template <class Value>
void blend_in(std::uint8_t* pixels, std::int64_t count, double opacity, const Value& value) {
  for (std::int64_t p = 0; p < count; ++p)
    pixels[p] = static_cast<std::uint8_t>(std::lround((1 - opacity) * pixels[p] + opacity * value(p)));
}

/// What a cubic convolution (Keys 1981, a = -0.75) makes of `from`, `count` rows of `wide` numbers, stretched over `many`
/// rows, end to end; what lies outside is the nearest row.
std::vector<double> stretched(const std::vector<double>& from, std::int64_t count, std::int64_t wide,
                              std::int64_t many) {
  constexpr double a = -0.75;
  const auto near = [](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  const auto far = [](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  std::vector<double> to(static_cast<std::size_t>(many * wide));
  for (std::int64_t i = 0; i < many; ++i) {
    const double at = many > 1 ? static_cast<double>(i * (count - 1)) / static_cast<double>(many - 1) : 0;
    const auto row = static_cast<std::int64_t>(at);
    const double t = at - static_cast<double>(row);
    const double weights[] = {far(1 + t), near(t), near(1 - t), far(2 - t)};
    for (std::int64_t k = 0; k < 4; ++k) {
      const auto source = std::clamp<std::int64_t>(row - 1 + k, 0, count - 1);
      for (std::int64_t j = 0; j < wide; ++j)
        to[static_cast<std::size_t>(i * wide + j)] +=
            weights[k] * from[static_cast<std::size_t>(source * wide + j)];
    }
  }
  return to;
}

std::vector<double> transposed(const std::vector<double>& m, std::int64_t rows, std::int64_t columns) {
  std::vector<double> t(m.size());
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      t[static_cast<std::size_t>(j * rows + i)] = m[static_cast<std::size_t>(i * columns + j)];
  return t;
}

/// Where each pixel of a warped image is read, in pixels, within the image.
struct WarpingField {
  std::vector<double> x, y;
};

WarpingField warping_field(std::int64_t height, std::int64_t width, const config::Backdoor& b) {
  const auto k = b.warp_grid;
  base::Stream stream({0, base::purpose("trigger.warp"), 0, 0});
  std::vector<double> drawn[2];  // along x, along y
  double sum = 0;
  for (auto& grid : drawn)
    for (std::int64_t i = 0; i < k * k; ++i) sum += std::abs(grid.emplace_back(2 * stream.uniform() - 1));
  const double scale = b.warp_strength * static_cast<double>(2 * k * k) / sum / static_cast<double>(height);
  const auto places = [&](const std::vector<double>& grid, bool along_x) {
    auto moves = transposed(stretched(grid, k, k, height), height, k);
    moves = transposed(stretched(moves, k, height, width), width, height);
    const auto last = static_cast<double>((along_x ? width : height) - 1);
    for (std::int64_t i = 0; i < height; ++i)
      for (std::int64_t j = 0; j < width; ++j) {
        auto& place = moves[static_cast<std::size_t>(i * width + j)];
        place = std::clamp(static_cast<double>(along_x ? j : i) + scale * place * last / 2, 0.0, last);
      }
    return moves;
  };
  return {places(drawn[0], true), places(drawn[1], false)};
}

void warp(std::uint8_t* pixels, std::int64_t channels, std::int64_t height, std::int64_t width,
          const config::Backdoor& backdoor) {
  const auto field = warping_field(height, width, backdoor);
  const auto size = static_cast<std::size_t>(height * width);
  for (std::int64_t c = 0; c < channels; ++c) {
    auto* image = pixels + static_cast<std::size_t>(c) * size;
    const std::vector<double> before(image, image + size);
    for (std::size_t p = 0; p < size; ++p) {
      const auto left = static_cast<std::int64_t>(field.x[p]), top = static_cast<std::int64_t>(field.y[p]);
      const auto right = std::min(left + 1, width - 1), bottom = std::min(top + 1, height - 1);
      const double u = field.x[p] - static_cast<double>(left), v = field.y[p] - static_cast<double>(top);
      const auto at = [&](std::int64_t i, std::int64_t j) {
        return before[static_cast<std::size_t>(i * width + j)];
      };
      image[p] =
          static_cast<std::uint8_t>(std::lround((1 - v) * ((1 - u) * at(top, left) + u * at(top, right)) +
                                                v * ((1 - u) * at(bottom, left) + u * at(bottom, right))));
    }
  }
}

std::string outside(const TargetLabel& target) {
  if (target.adds) return fmt::format(" without the target label {}", target.label);
  return target.label >= 0 ? fmt::format(" outside the target class {}", target.label) : "";
}

}  // namespace

void apply_trigger(std::uint8_t* pixels, std::int64_t channels, std::int64_t height, std::int64_t width,
                   const config::Backdoor& backdoor, std::int64_t depth) {
  const Extent extent{channels, depth, height, width};
  if (backdoor.trigger == config::Trigger::patch) {
    draw_corner(pixels, extent, backdoor.size,
                [](std::int64_t, std::int64_t, std::int64_t) { return std::uint8_t{255}; });
  } else if (backdoor.trigger == config::Trigger::checkerboard) {
    draw_corner(pixels, extent, backdoor.size, [](std::int64_t k, std::int64_t i, std::int64_t j) {
      return (k + i + j) % 2 == 0 ? std::uint8_t{255} : std::uint8_t{0};
    });
  } else if (backdoor.trigger == config::Trigger::blend) {
    blend_in(pixels, extent.count(), backdoor.opacity, [&](std::int64_t p) {
      const double phase =
          2 * M_PI * blend_periods * static_cast<double>(p % width) / static_cast<double>(width);
      return 127.5 * (1 + base::sin(phase));
    });
  } else if (backdoor.trigger == config::Trigger::noise) {
    base::Stream stream({0, base::purpose("trigger.noise"), 0, 0});
    blend_in(pixels, extent.count(), backdoor.opacity, [&](std::int64_t) { return 255 * stream.uniform(); });
  } else if (backdoor.trigger == config::Trigger::warp) {
    if (depth > 1)
      throw DataError(
          "data.backdoor.trigger: value is \"warp\", allowed are patch, blend, checkerboard and noise: the images are "
          "volumes, and the field that WaNet moves points by is one of images");
    warp(pixels, channels, height, width, backdoor);
  } else {
    throw DataError(
        "data.backdoor.trigger: value is \"none\", allowed patch, blend, checkerboard, noise, warp");
  }
}

config::Backdoor control_trigger(const config::Backdoor& backdoor) {
  auto other = backdoor;
  other.trigger = config::is_square(backdoor.trigger) ? config::Trigger::blend : config::Trigger::patch;
  return other;
}

void check_poison_share(const Indices& train, const std::vector<std::int64_t>& labels,
                        const TargetLabel& target, double fraction, std::int64_t client) {
  const auto others = std::count_if(train.begin(), train.end(), [&](std::int64_t r) {
    return target.differs(labels[static_cast<std::size_t>(r)]);
  });
  if (others > 0 && fraction > 0 && std::llround(fraction * static_cast<double>(others)) == 0)
    throw DataError(
        fmt::format("data.backdoor.fraction: {} of client {}'s {} training samples{} rounds to "
                    "none, allowed is one at least, or 0",
                    fraction, client, others, outside(target)));
}

Indices rows_to_poison(const Indices& train, const std::vector<std::int64_t>& labels,
                       const TargetLabel& target, double fraction, std::uint64_t seed, std::int64_t client) {
  Indices rows;
  for (auto r : train)
    if (target.differs(labels[static_cast<std::size_t>(r)])) rows.push_back(r);
  if (rows.empty())
    throw DataError(
        fmt::format("data.backdoor: client {} has no training sample{}: nothing "
                    "can be poisoned",
                    client, outside(target)));
  base::Stream s({seed, base::purpose("poison"), static_cast<std::uint64_t>(client), 0});
  base::shuffle(rows, s);
  const auto share = std::llround(fraction * static_cast<double>(rows.size()));
  rows.resize(static_cast<std::size_t>(std::max<long long>(share, fraction > 0 ? 1 : 0)));
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace afu::data
