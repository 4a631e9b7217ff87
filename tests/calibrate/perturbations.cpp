#include "calibrate/perturbations.hpp"

#include "config/sections/data.hpp"
#include "data/poison.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;

namespace {
torch::Tensor images(std::int64_t n = 40, std::int64_t channels = 1) {
  return torch::arange(n * channels * 256, torch::kFloat32).mul(0.37).sin().view({n, channels, 16, 16});
}
base::Stream stream(std::uint64_t n) { return base::Stream({n, base::purpose("test"), 0, 0}); }
}  // namespace

TEST_CASE("random patches cover a part of every image, differently, and are drawn from their stream alone") {
  for (std::int64_t channels : {1, 3}) {
    const auto x = images(40, channels);
    auto a = stream(1), b = stream(1), c = stream(2);
    const auto patched = calibrate::random_patches(x, a);
    CHECK(at::equal(patched, calibrate::random_patches(x, b)));
    CHECK(!at::equal(patched, calibrate::random_patches(x, c)));
    CHECK(test::largest(patched) <= 1);
    const auto share = (patched != x).any(1).to(torch::kFloat32).mean({1, 2});
    CHECK(share.min().item<double>() > 0);
    CHECK(share.max().item<double>() < 0.2);
    CHECK((patched[0] != x[0]).nonzero().size(0) != (patched[1] != x[1]).nonzero().size(0));
  }
}

TEST_CASE("the oracle's trigger is the data's own, to the byte") {
  for (const auto trigger : {config::Trigger::patch, config::Trigger::checkerboard, config::Trigger::blend,
                             config::Trigger::noise, config::Trigger::warp}) {
    config::Backdoor b;
    b.trigger = trigger;
    const auto pool = test::tiny_images(6, {1, 16, 16, 3});
    engine::Workspace w(model::make_model(test::network("logreg"), {1, 16, 16, 3}),
                        engine::make_resident(pool, torch::kCPU), torch::kCPU);
    auto drawn = std::make_shared<data::Images>(*pool);
    for (std::int64_t i = 0; i < 6; ++i) data::apply_trigger(drawn->pixels.data() + i * 256, 1, 16, 16, b);
    engine::Workspace t(model::make_model(test::network("logreg"), {1, 16, 16, 3}),
                        engine::make_resident(drawn, torch::kCPU), torch::kCPU);
    const auto order = w.upload(*test::rows(0, 6));
    const auto expected = t.gather(order, 0, 6).images;
    CHECK(test::largest(calibrate::with_trigger(w.gather(order, 0, 6).images, b) - expected) < 1e-6);
  }
}

TEST_CASE("the warp is WaNet's: a bicubic field of drawn points, read bilinearly within the border") {
  config::Backdoor b;
  b.trigger = config::Trigger::warp;
  b.warp_strength = 3;
  const std::int64_t height = 16, width = 24, k = b.warp_grid;
  base::Stream stream({0, base::purpose("trigger.warp"), 0, 0});
  auto drawn = torch::empty({1, 2, k, k});
  for (std::int64_t i = 0; i < drawn.numel(); ++i)
    drawn.data_ptr<float>()[i] = static_cast<float>(2 * stream.uniform() - 1);
  drawn = drawn / drawn.abs().mean();
  const auto field =
      at::upsample_bicubic2d(drawn, {height, width}, /*align_corners=*/true).permute({0, 2, 3, 1});
  const auto x = torch::linspace(-1, 1, width).view({1, 1, width, 1}).expand({1, height, width, 1});
  const auto y = torch::linspace(-1, 1, height).view({1, height, 1, 1}).expand({1, height, width, 1});
  const auto grid = (torch::cat({x, y}, 3) + field * (b.warp_strength / height)).clamp(-1, 1);
  auto image = torch::empty({1, 2, height, width});
  base::Stream pixels({3, base::purpose("test"), 0, 0});
  for (std::int64_t i = 0; i < image.numel(); ++i)
    image.data_ptr<float>()[i] = static_cast<float>(pixels.below(256));
  const auto expected = at::grid_sampler(image, grid, 0, 0, true);
  CHECK(test::largest(expected - image) > 20);
  auto bytes = image.to(torch::kUInt8).contiguous();
  data::apply_trigger(bytes.data_ptr<std::uint8_t>(), 2, height, width, b);
  CHECK(test::largest(bytes.to(torch::kFloat32) - expected) < 0.51);
}

TEST_CASE("a universal trigger travels as numbers") {
  const auto x = images(4, 3);
  calibrate::UniversalTrigger t{torch::rand({16, 16}), torch::rand({3, 16, 16})};
  const auto numbers = calibrate::to_numbers(t);
  CHECK(numbers.size() == 4 * 256);
  auto two = numbers;
  two.insert(two.end(), numbers.begin(), numbers.end());
  for (const auto& all : {numbers, two}) {
    const auto back = calibrate::from_numbers(all, x);
    REQUIRE(back.size() == all.size() / numbers.size());
    CHECK(at::equal(back.back().mask, t.mask));
    CHECK(at::equal(back.back().added, t.added));
  }
  CHECK_THROWS_AS(calibrate::from_numbers({}, x), std::invalid_argument);
  CHECK_THROWS_AS(calibrate::from_numbers(numbers, images(4, 2)), std::invalid_argument);
  t.mask.zero_(), t.added.zero_();
  CHECK(at::equal(calibrate::with_universal_trigger(x, t), x));
}

TEST_CASE("intensity and blur keep the range") {
  const auto x = images();
  auto s = stream(3);
  for (const auto& y : {calibrate::shifted_intensity(x, s), calibrate::blurred(x, s)}) {
    CHECK(y.sizes() == x.sizes());
    CHECK(test::largest(y) <= 1);
    CHECK(test::largest(y - x) > 0.05);
  }
}
