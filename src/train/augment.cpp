#include "train/augment.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

#include "base/elementary.hpp"

namespace afu::train {
namespace {

base::StreamKey beside(base::StreamKey key) {
  key.purpose ^= base::purpose("augment");
  return key;
}

/// Where each pixel of the result comes from, as at::affine_grid_generator wants it: rows of a 2 x 3 matrix
/// in coordinates from -1 to 1 across an image.
struct Placement {
  float m[6];
};

Placement placement(const config::Augmentation& s, base::Stream& stream, double height, double width) {
  const auto either = [&](double most) { return most * (2 * stream.uniform() - 1); };
  const double mirror = s.flip && stream.uniform() < 0.5 ? -1.0 : 1.0;
  const double angle = either(s.rotate) * M_PI / 180, size = 1 + either(s.scale);
  const double right = either(s.shift), down = either(s.shift);
  const double c = base::cos(angle) / size, t = base::sin(angle) / size;
  const auto f = [](double v) { return static_cast<float>(v); };
  return {{f(mirror * c), f(t * height / width), f(2 * right / width), f(-mirror * t * width / height), f(c),
           f(2 * down / height)}};
}

}  // namespace

Augmenter::Augmenter(const config::Augmentation& settings, const base::StreamKey& job_key)
    : settings_(settings), stream_(beside(job_key)) {}

torch::Tensor Augmenter::operator()(const torch::Tensor& images) {
  if (images.dim() != 4)
    throw std::invalid_argument(
        fmt::format("images have {} dimensions, wanted 4: [B, C, H, W]", images.dim()));
  const auto count = images.size(0);
  if (!settings_.any() || count == 0) return images;
  // Image by image, so that the stream does not depend on how they are divided into batches.
  auto placements = torch::empty({count, 2, 3}), tones = torch::empty({count, 2});
  auto* place = placements.data_ptr<float>();
  auto* tone = tones.data_ptr<float>();
  for (std::int64_t i = 0; i < count; ++i, place += 6, tone += 2) {
    if (settings_.moves()) {
      const auto p = placement(settings_, stream_, static_cast<double>(images.size(2)),
                               static_cast<double>(images.size(3)));
      std::copy(std::begin(p.m), std::end(p.m), place);
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
    const auto on_device = tones.to(images.device()).view({count, 2, 1, 1, 1});
    const auto mean = out.mean({1, 2, 3}, /*keepdim=*/true);
    out = ((out - mean) * on_device.select(1, 0) + mean + on_device.select(1, 1)).clamp_(-1, 1);
  }
  return out;
}

}  // namespace afu::train
