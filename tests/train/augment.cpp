#include "train/augment.hpp"

#include <cmath>

#include "lane/surroundings.hpp"
#include "tests/engine/fixture.hpp"
#include "train/local_training.hpp"
#include "train/together.hpp"
#include "train/train_job.hpp"

using namespace afu;
using test::Lane;

namespace {

const base::StreamKey key{3, base::purpose("train"), 1, 9};

torch::Tensor changed(const config::Augmentation& settings, const torch::Tensor& images) {
  return train::Augmenter(settings, key)(images);
}

/// [count, 1, 20, 30], rising by `slope` a pixel to the right.
torch::Tensor ramps(std::int64_t count, double slope) {
  return (torch::arange(30) * slope - 0.5).to(torch::kFloat32).expand({count, 1, 20, 30}).contiguous();
}

/// Of each image, how much it rises a pixel across and down around its middle.
std::pair<torch::Tensor, torch::Tensor> slopes(const torch::Tensor& images) {
  const auto at = [&](std::int64_t y, std::int64_t x) {
    return images.select(1, 0).select(1, y).select(1, x).to(torch::kFloat64);
  };
  return {(at(10, 17) - at(10, 13)) / 4, (at(12, 15) - at(8, 15)) / 4};
}

}  // namespace

TEST_CASE("nothing to change leaves the images themselves") {
  const auto images = ramps(4, 0.02);
  CHECK(changed({}, images).is_same(images));
  CHECK_THROWS_AS(changed({}, images.select(0, 0)), std::invalid_argument);
}

TEST_CASE("every second image is mirrored") {
  config::Augmentation flip;
  flip.flip = true;
  const auto images = ramps(400, 0.02);
  const auto [across, down] = slopes(changed(flip, images));
  CHECK(test::largest(across.abs() - 0.02) < 1e-6);
  CHECK(test::largest(down) < 1e-6);
  const auto mirrored = (across < 0).sum().item<std::int64_t>();
  CHECK(mirrored > 160);
  CHECK(mirrored < 240);
}

TEST_CASE("turning keeps lengths on images that are not square") {
  config::Augmentation turn;
  turn.rotate = 20;
  const auto [across, down] = slopes(changed(turn, ramps(200, 0.02)));
  CHECK(test::largest((across.square() + down.square()).sqrt() - 0.02) < 1e-5);
  const auto degrees = torch::atan2(down, across) * 180 / std::acos(-1.0);
  CHECK(test::largest(degrees) < 20.01);
  CHECK(test::largest(degrees) > 17);
  CHECK(degrees.mean().abs().item<double>() < 2);
}

TEST_CASE("scaling and shifting stay within what is asked for") {
  config::Augmentation scale, shift;
  scale.scale = 0.25;
  shift.shift = 3;
  const auto sizes = 0.02 / slopes(changed(scale, ramps(200, 0.02))).first;
  CHECK(sizes.min().item<double>() >= 0.7499);
  CHECK(sizes.max().item<double>() <= 1.2501);
  CHECK((sizes.max() - sizes.min()).item<double>() > 0.45);

  const auto images = ramps(200, 0.02);
  const auto moved = (changed(shift, images) - images).slice(3, 5, 25) / 0.02;
  CHECK(test::largest(moved - moved.select(3, 0).unsqueeze(3)) < 1e-3);  // all pixels of an image alike
  CHECK(test::largest(moved) <= 3.001);
  CHECK(test::largest(moved) > 2.7);
}

TEST_CASE("contrast keeps the mean, brightness moves it, and both stay in the range of images") {
  config::Augmentation contrast, brightness;
  contrast.contrast = 0.5;
  brightness.brightness = 0.1;
  const auto images = ramps(200, 0.02);
  const auto mean = [](const torch::Tensor& t) { return t.mean({1, 2, 3}); };
  const auto stretched = changed(contrast, images);
  CHECK(test::largest(mean(stretched) - mean(images)) < 1e-5);
  const auto gains = slopes(stretched).first / 0.02;
  CHECK(gains.min().item<double>() >= 0.499);
  CHECK(gains.max().item<double>() <= 1.501);
  CHECK((gains.max() - gains.min()).item<double>() > 0.9);
  const auto lifted = mean(changed(brightness, images)) - mean(images);
  CHECK(test::largest(lifted) <= 0.2001);
  CHECK(test::largest(lifted) > 0.18);
  brightness.brightness = 1;
  CHECK(test::largest(changed(brightness, images)) <= 1);
}

TEST_CASE("what happens to an image does not depend on the batches") {
  const config::Augmentation all{true, 10, 0.1, 2, 0.1, 0.05};
  const auto images = torch::rand({6, 1, 12, 12}) * 2 - 1;
  train::Augmenter in_parts(all, key);
  const auto parts = torch::cat({in_parts(images.narrow(0, 0, 2)), in_parts(images.narrow(0, 2, 4))});
  CHECK(at::equal(parts, changed(all, images)));
  CHECK(!at::equal(parts, train::Augmenter(all, {3, key.purpose, 1, 10})(images)));
}

TEST_CASE("local training augments as the job says, the same on every lane, and never batched") {
  Lane a("cnn_small"), b("cnn_small");
  train::TrainJob job;
  job.sgd.lr = 0.05;
  job.base = a.initial;
  job.samples = test::rows(0, 50);
  job.epochs = 2;
  job.batch_size = 16;
  job.key = key;
  auto augmented = job;
  augmented.augment = {true, 10, 0.1, 2, 0.1, 0.05};
  const auto plain = a.run(job).outputs[0]->values, changed = a.run(augmented).outputs[0]->values;
  CHECK(!at::equal(plain, changed));
  CHECK(at::equal(changed, b.run(augmented).outputs[0]->values));
  CHECK(train::may_be_batched(job));
  CHECK(!train::may_be_batched(augmented));
}
