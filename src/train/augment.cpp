#include "train/augment.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "base/elementary.hpp"
#include "model/spatial.hpp"

namespace afu::train {
namespace {

base::StreamKey beside(base::StreamKey key) {
  key.purpose ^= base::purpose("augment");
  return key;
}

/// Where each pixel of the result comes from, as at::affine_grid_generator wants it: rows of a 2 x 3 matrix, of volumes 3 x 4,
/// in coordinates from -1 to 1 across an image.
using Placement = std::vector<float>;

/// `depth`: slices of a volume; 1: an image.
Placement placement(const config::Augmentation& s, base::Stream& stream, double height, double width,
                    double depth) {
  const auto either = [&](double most) { return most * (2 * stream.uniform() - 1); };
  const double mirror = s.flip && stream.uniform() < 0.5 ? -1.0 : 1.0;
  const double angle = either(s.rotate) * M_PI / 180, size = 1 + either(s.scale);
  const double right = either(s.shift), down = either(s.shift);
  const double c = base::cos(angle) / size, t = base::sin(angle) / size;
  const auto f = [](double v) { return static_cast<float>(v); };
  Placement across{f(mirror * c), f(t * height / width), f(2 * right / width)},
      downwards{f(-mirror * t * width / height), f(c), f(2 * down / height)};
  if (depth <= 1) {
    across.insert(across.end(), downwards.begin(), downwards.end());
    return across;
  }
  const double along = either(s.shift);
  return {across[0], across[1],    0, across[2], downwards[0], downwards[1],
          0,         downwards[2], 0, 0,         f(1 / size),  f(2 * along / depth)};
}

}  // namespace

Augmenter::Augmenter(const config::Augmentation& settings, const base::StreamKey& job_key)
    : settings_(settings), stream_(beside(job_key)) {}

torch::Tensor Augmenter::operator()(const torch::Tensor& images) {
  if (images.dim() != 4 && images.dim() != 5)
    throw std::invalid_argument(fmt::format(
        "images have {} dimensions, wanted 4, [B, C, H, W], or 5, [B, C, D, H, W]", images.dim()));
  const auto count = images.size(0);
  if (!settings_.any() || count == 0) return images;
  // Image by image, so that the stream does not depend on how they are divided into batches.
  const bool volumes = images.dim() == 5;
  auto placements = volumes ? torch::empty({count, 3, 4}) : torch::empty({count, 2, 3});
  auto tones = torch::empty({count, 2});
  auto* place = placements.data_ptr<float>();
  auto* tone = tones.data_ptr<float>();
  for (std::int64_t i = 0; i < count; ++i, tone += 2) {
    if (settings_.moves()) {
      const auto p =
          placement(settings_, stream_, static_cast<double>(images.size(-2)),
                    static_cast<double>(images.size(-1)), volumes ? static_cast<double>(images.size(2)) : 1);
      place = std::copy(p.begin(), p.end(), place);
    }
    tone[0] = static_cast<float>(1 + settings_.contrast * (2 * stream_.uniform() - 1));
    tone[1] = static_cast<float>(2 * settings_.brightness * (2 * stream_.uniform() - 1));
  }
  auto out = images;
  if (settings_.moves()) {
    constexpr std::int64_t bilinear = 0, edge = 1;
    out = at::grid_sampler(
        out,
        at::affine_grid_generator(placements.to(images.device()), images.sizes(), /*align_corners=*/false),
        bilinear, edge, /*align_corners=*/false);
  }
  if (settings_.contrast > 0 || settings_.brightness > 0) {
    const auto on_device = tones.to(images.device());
    const auto gain = model::per_sample(on_device.select(1, 0), out),
               offset = model::per_sample(on_device.select(1, 1), out);
    const auto mean =
        volumes ? out.mean({1, 2, 3, 4}, /*keepdim=*/true) : out.mean({1, 2, 3}, /*keepdim=*/true);
    out = ((out - mean) * gain + mean + offset).clamp_(-1, 1);
  }
  return out;
}

}  // namespace afu::train
