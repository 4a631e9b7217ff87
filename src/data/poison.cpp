#include "data/poison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/random.hpp"
#include "config/sections/backdoor.hpp"

namespace afu::data {

namespace {

constexpr double blend_periods = 6;

template <class Value>
void draw_corner(std::uint8_t* pixels, std::int64_t channels, std::int64_t height, std::int64_t width,
                 std::int64_t size, const Value& value) {
  if (size < 1 || size > height || size > width)
    throw DataError(fmt::format("data.backdoor.size: value is {}, allowed 1 to {}, the image's side", size,
                                std::min(height, width)));
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t i = 0; i < size; ++i)
      for (std::int64_t j = 0; j < size; ++j)
        pixels[(c * height + height - size + i) * width + width - size + j] = value(i, j);
}

template <class Value>
void blend_in(std::uint8_t* pixels, std::int64_t count, double opacity, const Value& value) {
  for (std::int64_t p = 0; p < count; ++p)
    pixels[p] = static_cast<std::uint8_t>(std::lround((1 - opacity) * pixels[p] + opacity * value(p)));
}

}  // namespace

void apply_trigger(std::uint8_t* pixels, std::int64_t channels, std::int64_t height, std::int64_t width,
                   const config::Backdoor& backdoor) {
  if (backdoor.trigger == config::Trigger::patch) {
    draw_corner(pixels, channels, height, width, backdoor.size,
                [](std::int64_t, std::int64_t) { return std::uint8_t{255}; });
  } else if (backdoor.trigger == config::Trigger::checkerboard) {
    draw_corner(pixels, channels, height, width, backdoor.size, [](std::int64_t i, std::int64_t j) {
      return (i + j) % 2 == 0 ? std::uint8_t{255} : std::uint8_t{0};
    });
  } else if (backdoor.trigger == config::Trigger::blend) {
    blend_in(pixels, channels * height * width, backdoor.opacity, [&](std::int64_t p) {
      const double phase =
          2 * M_PI * blend_periods * static_cast<double>(p % width) / static_cast<double>(width);
      return 127.5 * (1 + std::sin(phase));
    });
  } else if (backdoor.trigger == config::Trigger::noise) {
    base::Stream stream({0, base::purpose("trigger.noise"), 0, 0});
    blend_in(pixels, channels * height * width, backdoor.opacity,
             [&](std::int64_t) { return 255 * stream.uniform(); });
  } else {
    throw DataError("data.backdoor.trigger: value is \"none\", allowed patch, blend, checkerboard, noise");
  }
}

config::Backdoor control_trigger(const config::Backdoor& backdoor) {
  auto other = backdoor;
  const bool everywhere =
      backdoor.trigger == config::Trigger::blend || backdoor.trigger == config::Trigger::noise;
  other.trigger = everywhere ? config::Trigger::patch : config::Trigger::blend;
  return other;
}

void check_poison_share(const Indices& train, const std::vector<std::int64_t>& labels,
                        const config::Backdoor& backdoor, std::int64_t client) {
  const auto others = std::count_if(train.begin(), train.end(), [&](std::int64_t r) {
    return labels[static_cast<std::size_t>(r)] != backdoor.label;
  });
  if (others > 0 && backdoor.fraction > 0 &&
      std::llround(backdoor.fraction * static_cast<double>(others)) == 0)
    throw DataError(fmt::format(
        "data.backdoor.fraction: {} of client {}'s {} training samples outside the target class {} rounds to "
        "none, allowed is one at least, or 0",
        backdoor.fraction, client, others, backdoor.label));
}

Indices rows_to_poison(const Indices& train, const std::vector<std::int64_t>& labels,
                       const config::Backdoor& backdoor, std::uint64_t seed, std::int64_t client) {
  Indices rows;
  for (auto r : train)
    if (labels[static_cast<std::size_t>(r)] != backdoor.label) rows.push_back(r);
  if (rows.empty())
    throw DataError(
        fmt::format("data.backdoor: client {} has no training sample outside the target class {}: nothing "
                    "can be poisoned",
                    client, backdoor.label));
  base::Stream s({seed, base::purpose("poison"), static_cast<std::uint64_t>(client), 0});
  base::shuffle(rows, s);
  const auto share = std::llround(backdoor.fraction * static_cast<double>(rows.size()));
  rows.resize(static_cast<std::size_t>(std::max<long long>(share, backdoor.fraction > 0 ? 1 : 0)));
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace afu::data
