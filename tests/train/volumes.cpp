// Augmentation of volumes.
#include "tests/engine/fixture.hpp"
#include "train/augment.hpp"

using namespace afu;

namespace {

const base::StreamKey key{3, base::purpose("train"), 1, 9};

torch::Tensor changed(const config::Augmentation& settings, const torch::Tensor& volumes) {
  return train::Augmenter(settings, key)(volumes);
}

/// [count, 1, 12, 14, 16], rising by `slope` a step along one of the axes: 0 slices, 1 rows, 2 columns.
torch::Tensor ramps(std::int64_t count, std::int64_t axis, double slope) {
  std::vector<std::int64_t> shape{1, 1, 1};
  const std::vector<std::int64_t> sizes{12, 14, 16};
  const auto at = static_cast<std::size_t>(axis);
  shape[at] = sizes[at];
  return (torch::arange(sizes[at]) * slope - 0.5)
      .to(torch::kFloat32)
      .view(shape)
      .expand({count, 1, 12, 14, 16})
      .contiguous();
}

/// Of each volume, how much it rises a step along an axis, around its middle.
torch::Tensor slope(const torch::Tensor& volumes, std::int64_t axis) {
  auto two = volumes.to(torch::kFloat64).select(1, 0).narrow(axis + 1, 5, 3);
  for (std::int64_t other = 2; other >= 0; --other)
    if (other != axis) two = two.select(other + 1, 6);
  return (two.select(1, 2) - two.select(1, 0)) / 2;
}

}  // namespace

TEST_CASE("volumes: mirroring exchanges left and right alone") {
  config::Augmentation flip;
  flip.flip = true;
  const auto across = slope(changed(flip, ramps(200, 2, 0.02)), 2);
  CHECK(test::largest(across.abs() - 0.02) < 1e-6);
  const auto mirrored = (across < 0).sum().item<std::int64_t>();
  CHECK(mirrored > 70);
  CHECK(mirrored < 130);
  for (const std::int64_t axis : {0, 1})
    CHECK(test::largest(slope(changed(flip, ramps(50, axis, 0.02)), axis) - 0.02) < 1e-6);
}

TEST_CASE("volumes: turning stays in the plane of the slices, scaling and shifting do not") {
  config::Augmentation turn;
  turn.rotate = 20;
  CHECK(test::largest(slope(changed(turn, ramps(60, 0, 0.02)), 0) - 0.02) < 1e-6);
  const auto x = changed(turn, ramps(60, 2, 0.02));
  const auto across = slope(x, 2), down = slope(x, 1);
  CHECK(test::largest((across.square() + down.square()).sqrt() - 0.02) < 1e-5);
  CHECK(test::largest(down) > 0.002);

  config::Augmentation scale;
  scale.scale = 0.3;
  const auto along = slope(changed(scale, ramps(60, 0, 0.02)), 0),
             wide = slope(changed(scale, ramps(60, 2, 0.02)), 2);
  CHECK(test::largest(along - wide) < 1e-5);  // by the same part along each axis
  CHECK(test::largest(along - 0.02) > 0.003);

  config::Augmentation shift;
  shift.shift = 2;
  for (const std::int64_t axis : {0, 1, 2}) {
    const auto ramp = ramps(60, axis, 0.02);
    const auto moved = changed(shift, ramp) - ramp;
    const auto middle = moved.select(1, 0).select(1, 6).select(1, 6).select(1, 8);
    CHECK(test::largest(middle) <= 0.04 + 1e-6);
    CHECK(test::largest(middle) > 0.02);
  }
}

TEST_CASE("volumes: contrast and brightness are each volume's own, whatever batches they come in") {
  config::Augmentation all;
  all.flip = true;
  all.rotate = 10;
  all.scale = 0.1;
  all.shift = 1;
  all.contrast = 0.3;
  all.brightness = 0.1;
  const auto x = ramps(6, 1, 0.05);
  train::Augmenter once(all, key), twice(all, key);
  const auto whole = once(x);
  CHECK(at::equal(whole, torch::cat({twice(x.narrow(0, 0, 2)), twice(x.narrow(0, 2, 4))})));
  CHECK(!at::equal(whole[0], whole[1]));
  config::Augmentation tone;
  tone.contrast = 0.3;
  const auto mean = x.mean({1, 2, 3, 4});
  CHECK(test::largest(changed(tone, x).mean({1, 2, 3, 4}) - mean) < 1e-5);
}
