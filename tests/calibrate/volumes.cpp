// What the calibrator does to volumes.
#include "calibrate/jobs.hpp"
#include "calibrate/perturbations.hpp"
#include "config/sections/data.hpp"
#include "data/poison.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;

namespace {

torch::Tensor volumes(std::int64_t n = 20, std::int64_t channels = 1) {
  return torch::arange(n * channels * 10 * 12 * 14, torch::kFloat32)
      .mul(0.37)
      .sin()
      .view({n, channels, 10, 12, 14});
}
base::Stream stream(std::uint64_t n) { return base::Stream({n, base::purpose("test"), 0, 0}); }

}  // namespace

TEST_CASE("volumes: random cubes, bars and corners cover a part of each, differently") {
  for (const std::int64_t channels : {1, 3}) {
    const auto x = volumes(60, channels);
    auto a = stream(1), b = stream(1);
    const auto patched = calibrate::random_patches(x, a);
    CHECK(at::equal(patched, calibrate::random_patches(x, b)));
    CHECK(test::largest(patched) <= 1);
    const auto share = (patched != x).any(1).to(torch::kFloat32).mean({1, 2, 3});
    CHECK(share.min().item<double>() > 0);
    CHECK(share.max().item<double>() < 0.05);
    // Some run along each of the axes.
    for (const std::int64_t axis : {1, 2, 3}) {
      auto changed = (patched != x).any(1);
      for (std::int64_t other = 3; other >= 1; --other)
        if (other != axis) changed = changed.any(other);
      CHECK(changed.to(torch::kFloat32).sum(1).max().item<double>() >= 3);
    }
  }
}

TEST_CASE("volumes: the oracle's trigger is the data's own, and a universal one travels as numbers") {
  config::Backdoor b;
  b.trigger = config::Trigger::patch;
  b.size = 3;
  const auto x = volumes(2);
  const auto marked = calibrate::with_trigger(x, b);
  CHECK(marked.narrow(2, 7, 3).narrow(3, 9, 3).narrow(4, 11, 3).min().item<double>() == 1);
  CHECK(test::largest(marked.narrow(2, 0, 7) - x.narrow(2, 0, 7)) < 0.005);

  const calibrate::UniversalTrigger t{torch::rand({10, 12, 14}), torch::rand({1, 10, 12, 14}) - 0.5};
  const auto numbers = calibrate::to_numbers(t);
  REQUIRE(numbers.size() == 2 * 1680);
  const auto again = calibrate::from_numbers(numbers, x);
  REQUIRE(again.size() == 1);
  CHECK(at::equal(again[0].mask, t.mask));
  CHECK(at::equal(again[0].added, t.added));
  CHECK(calibrate::with_universal_trigger(x, t).sizes() == x.sizes());
  CHECK_THROWS_WITH(calibrate::from_numbers({1, 2}, x),
                    "the trigger has 2 numbers, images of 1 x 10 x 12 x 14 need 3360");
}

TEST_CASE("volumes: mixtures, intensities and the mean over neighbours along three axes") {
  const auto x = volumes(8);
  auto a = stream(1), b = stream(2), c = stream(3);
  CHECK(calibrate::mixtures(x, a).sizes() == x.sizes());
  const auto scaled = calibrate::shifted_intensity(x, b);
  CHECK(scaled.sizes() == x.sizes());
  CHECK(test::largest(scaled) <= 1);
  auto point = torch::full({1, 1, 7, 7, 7}, -1.0);
  point.select(2, 3).select(2, 3).select(2, 3).fill_(1);
  const auto blurred = calibrate::blurred(point, c);
  const auto middle = [&](std::int64_t d, std::int64_t h, std::int64_t w) {
    return blurred[0][0][d][h][w].item<double>();
  };
  CHECK(std::abs(middle(3, 3, 3) - (-1 + 2.0 / 27)) < 0.25);
  const auto near = blurred.narrow(2, 2, 3).narrow(3, 2, 3).narrow(4, 2, 3).mean().item<double>();
  CHECK(near == doctest::Approx(-1 + 2.0 / 27).epsilon(0.05));
}
