#include "calibrate/perturbations.hpp"

#include <c10/util/accumulate.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "data/poison.hpp"
#include "model/spatial.hpp"

namespace afu::calibrate {
namespace {

struct Box {
  std::int64_t top, left, height, width;
};

std::int64_t part_of(std::int64_t side, double from, double to, base::Stream& s) {
  const double share = from + (to - from) * s.uniform();
  return std::clamp<std::int64_t>(std::llround(share * static_cast<double>(side)), 1, side);
}

std::int64_t place(std::int64_t room, base::Stream& s) {
  return static_cast<std::int64_t>(s.below(static_cast<std::uint64_t>(room) + 1));
}

/// One shape as rectangles.
std::vector<Box> shape(std::int64_t height, std::int64_t width, base::Stream& s) {
  const auto thick = std::max<std::int64_t>(1, std::llround(0.04 * static_cast<double>(width)));
  const auto thickness = std::min({thick, height, width});
  switch (s.below(3)) {
    case 0: {
      const auto side = std::min(part_of(width, 0.04, 0.20, s), height);
      return {{place(height - side, s), place(width - side, s), side, side}};
    }
    case 1: {
      if (s.below(2) == 0) {
        const auto length = part_of(width, 0.2, 0.6, s);
        return {{place(height - thickness, s), place(width - length, s), thickness, length}};
      }
      const auto length = part_of(height, 0.2, 0.6, s);
      return {{place(height - length, s), place(width - thickness, s), length, thickness}};
    }
    default: {
      const auto arm = std::min(part_of(width, 0.08, 0.25, s), height);
      const bool bottom = s.below(2) == 0, right = s.below(2) == 0;
      return {{bottom ? height - thickness : 0, right ? width - arm : 0, thickness, arm},
              {bottom ? height - arm : 0, right ? width - thickness : 0, arm, thickness}};
    }
  }
}

/// A box of a volume, [start, start + length) along depth, height and width.
struct Block {
  std::array<std::int64_t, 3> start{}, length{};
};

/// One shape in a volume as blocks: a cube, a bar along one axis, or three arms that meet in a corner.
std::vector<Block> solid(const std::array<std::int64_t, 3>& sides, base::Stream& s) {
  const auto width = sides[2], least = *std::min_element(sides.begin(), sides.end());
  const auto thick =
      std::min(std::max<std::int64_t>(1, std::llround(0.04 * static_cast<double>(width))), least);
  Block b;
  switch (s.below(3)) {
    case 0: {
      b.length.fill(std::min(part_of(width, 0.04, 0.20, s), least));
      for (std::size_t a = 0; a < 3; ++a) b.start[a] = place(sides[a] - b.length[a], s);
      return {b};
    }
    case 1: {
      const auto along = static_cast<std::size_t>(s.below(3));
      b.length.fill(thick);
      b.length[along] = part_of(sides[along], 0.2, 0.6, s);
      for (std::size_t a = 0; a < 3; ++a) b.start[a] = place(sides[a] - b.length[a], s);
      return {b};
    }
    default: {
      const auto arm = std::min(part_of(width, 0.08, 0.25, s), least);
      std::array<bool, 3> far{};
      for (auto& f : far) f = s.below(2) == 0;
      std::vector<Block> arms;
      for (std::size_t along = 0; along < 3; ++along) {
        b.length.fill(thick);
        b.length[along] = arm;
        for (std::size_t a = 0; a < 3; ++a) b.start[a] = far[a] ? sides[a] - b.length[a] : 0;
        arms.push_back(b);
      }
      return arms;
    }
  }
}

/// random_patches of volumes.
torch::Tensor random_solids(const torch::Tensor& volumes, base::Stream& stream) {
  const std::array<std::int64_t, 3> sides{volumes.size(2), volumes.size(3), volumes.size(4)};
  auto patched = volumes.to(torch::kCPU).clone();
  for (std::int64_t i = 0; i < volumes.size(0); ++i) {
    auto volume = patched[i];
    const auto shapes = 1 + stream.below(2);
    for (std::uint64_t k = 0; k < shapes; ++k) {
      const auto blocks = solid(sides, stream);
      for (std::int64_t c = 0; c < volumes.size(1); ++c) {
        const double intensity = 2 * stream.uniform() - 1;
        for (const auto& b : blocks) {
          auto part = volume[c];
          for (std::size_t a = 0; a < 3; ++a)
            part = part.narrow(static_cast<std::int64_t>(a), b.start[a], b.length[a]);
          part.fill_(intensity);
        }
      }
    }
  }
  return patched.to(volumes.device());
}

}  // namespace

torch::Tensor random_patches(const torch::Tensor& images, base::Stream& stream) {
  if (images.dim() == 5) return random_solids(images, stream);
  const auto height = images.size(2), width = images.size(3);
  auto patched = images.to(torch::kCPU).clone();
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    auto image = patched[i];
    const auto shapes = 1 + stream.below(2);
    for (std::uint64_t k = 0; k < shapes; ++k) {
      const auto boxes = shape(height, width, stream);
      for (std::int64_t c = 0; c < images.size(1); ++c) {
        const double intensity = 2 * stream.uniform() - 1;
        for (const auto& b : boxes)
          image[c].narrow(0, b.top, b.height).narrow(1, b.left, b.width).fill_(intensity);
      }
    }
  }
  return patched.to(images.device());
}

torch::Tensor with_trigger(const torch::Tensor& images, const config::Backdoor& trigger) {
  auto bytes = images.to(torch::kCPU).mul(0.5).add(0.5).mul(255).round().to(torch::kUInt8).contiguous();
  const auto image = bytes.size(0) > 0 ? bytes.numel() / bytes.size(0) : 0;
  const bool volumes = bytes.dim() == 5;
  for (std::int64_t i = 0; i < bytes.size(0); ++i)
    data::apply_trigger(bytes.data_ptr<std::uint8_t>() + i * image, bytes.size(1), bytes.size(-2),
                        bytes.size(-1), trigger, volumes ? bytes.size(2) : 1);
  return bytes.to(torch::kFloat32).div_(255).sub_(0.5).div_(0.5).to(images.device());
}

torch::Tensor with_universal_trigger(const torch::Tensor& images, const UniversalTrigger& trigger) {
  return (images * (1 - trigger.mask) + trigger.added).clamp(-1, 1);
}

std::vector<double> to_numbers(const UniversalTrigger& trigger) {
  const auto flat =
      torch::cat({trigger.mask.flatten(), trigger.added.flatten()}).to(torch::kCPU, torch::kFloat64);
  const auto* first = flat.data_ptr<double>();
  return {first, first + flat.numel()};
}

std::vector<UniversalTrigger> from_numbers(const std::vector<double>& numbers, const torch::Tensor& images) {
  const auto image = images.sizes().slice(1), plane = images.sizes().slice(2);
  const auto pixels = c10::multiply_integers(plane);
  const auto each = (image.front() + 1) * pixels, given = static_cast<std::int64_t>(numbers.size());
  if (given == 0 || given % each != 0)
    throw std::invalid_argument(fmt::format("the trigger has {} numbers, images of {} need {}", given,
                                            fmt::join(image, " x "), each));
  const auto flat =
      torch::tensor(at::ArrayRef<double>(numbers), torch::kFloat64).to(images.device(), images.scalar_type());
  std::vector<UniversalTrigger> triggers;
  for (std::int64_t begin = 0; begin < given; begin += each)
    triggers.push_back({flat.narrow(0, begin, pixels).view(plane),
                        flat.narrow(0, begin + pixels, image.front() * pixels).view(image)});
  return triggers;
}

torch::Tensor mixtures(const torch::Tensor& images, base::Stream& stream) {
  std::vector<std::int64_t> others(static_cast<std::size_t>(images.size(0)));
  std::iota(others.begin(), others.end(), std::int64_t{0});
  base::shuffle(others, stream);
  auto part = torch::empty({images.size(0)}, torch::kFloat32);
  for (std::int64_t i = 0; i < images.size(0); ++i)
    part.data_ptr<float>()[i] = static_cast<float>(stream.uniform());
  const auto other =
      images.index_select(0, torch::tensor(at::ArrayRef<std::int64_t>(others)).to(images.device()));
  return other + (images - other) * model::per_sample(part.to(images.device()), images);
}

torch::Tensor shifted_intensity(const torch::Tensor& images, base::Stream& stream) {
  auto scale = torch::empty({images.size(0)}, torch::kFloat32);
  auto shift = torch::empty_like(scale);
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    scale.data_ptr<float>()[i] = static_cast<float>(0.7 + 0.6 * stream.uniform());
    shift.data_ptr<float>()[i] = static_cast<float>(-0.3 + 0.6 * stream.uniform());
  }
  return (images * model::per_sample(scale.to(images.device()), images) +
          model::per_sample(shift.to(images.device()), images))
      .clamp(-1, 1);
}

torch::Tensor blurred(const torch::Tensor& images, base::Stream& stream) {
  auto noise = torch::empty(images.sizes(), torch::kFloat32);
  auto* out = noise.data_ptr<float>();
  for (std::int64_t i = 0; i < noise.numel(); ++i) out[i] = static_cast<float>(0.05 * stream.normal());
  const auto mean = images.dim() == 5 ? at::avg_pool3d(images, {3, 3, 3}, {1, 1, 1}, {1, 1, 1},
                                                       /*ceil_mode=*/false, /*count_include_pad=*/false)
                                      : at::avg_pool2d(images, {3, 3}, {1, 1}, {1, 1}, /*ceil_mode=*/false,
                                                       /*count_include_pad=*/false);
  return (mean + noise.to(images.device())).clamp(-1, 1);
}

}  // namespace afu::calibrate
