#include "data/poison.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "config/sections/data.hpp"
#include "tests/data/support.hpp"

using namespace afu;
using namespace afu::test;
using data::apply_trigger;

namespace {

config::Backdoor backdoor(const std::string& trigger) {
  config::Backdoor b;
  b.trigger = config::named<config::Trigger>(trigger, "trigger");
  return b;
}

}  // namespace

TEST_CASE("the patch is white, in the bottom right corner of every channel, and nowhere else") {
  std::vector<std::uint8_t> image(std::size_t{2} * 10 * 12, 7);
  apply_trigger(image.data(), 2, 10, 12, backdoor("patch"));
  for (int c = 0; c < 2; ++c)
    for (int i = 0; i < 10; ++i)
      for (int j = 0; j < 12; ++j)
        CHECK(image[static_cast<std::size_t>((c * 10 + i) * 12 + j)] == (i >= 6 && j >= 8 ? 255 : 7));
}

TEST_CASE("the checkerboard alternates") {
  std::vector<std::uint8_t> image(64, 7);
  apply_trigger(image.data(), 1, 8, 8, backdoor("checkerboard"));
  CHECK(image[4 * 8 + 4] == 255);
  CHECK(image[4 * 8 + 5] == 0);
  CHECK(image[5 * 8 + 4] == 0);
  CHECK(image[7 * 8 + 7] == 255);
  CHECK(std::count(image.begin(), image.end(), 7) == 48);
}

TEST_CASE("the blended pattern has its opacity and is the same on every image") {
  auto b = backdoor("blend");
  b.opacity = 0.3;
  std::vector<std::uint8_t> dark(784, 0), bright(784, 255);
  apply_trigger(dark.data(), 1, 28, 28, b);
  apply_trigger(bright.data(), 1, 28, 28, b);
  CHECK(*std::max_element(dark.begin(), dark.end()) > 70);
  CHECK(*std::max_element(dark.begin(), dark.end()) <= 77);
  for (std::size_t p = 0; p < dark.size(); ++p) CHECK(std::abs(bright[p] - dark[p] - 178.5) <= 1);
  b.opacity = 1;
  std::vector<std::uint8_t> grey(784, 99), white(784, 255);
  apply_trigger(grey.data(), 1, 28, 28, b);
  apply_trigger(white.data(), 1, 28, 28, b);
  CHECK(grey == white);
}

TEST_CASE("the blended noise has its opacity, covers the image and is the same on every image") {
  auto b = backdoor("noise");
  b.opacity = 0.2;
  std::vector<std::uint8_t> dark(784, 0), bright(784, 255);
  apply_trigger(dark.data(), 1, 28, 28, b);
  apply_trigger(bright.data(), 1, 28, 28, b);
  for (std::size_t p = 0; p < dark.size(); ++p) CHECK(std::abs(bright[p] - dark[p] - 204) <= 1);
  CHECK(*std::max_element(dark.begin(), dark.end()) == 51);
  CHECK(std::count(dark.begin(), dark.end(), 0) < 40);
  double sum = 0;
  for (const auto v : dark) sum += v;
  CHECK(sum / 784 == doctest::Approx(25.5).epsilon(0.08));
  CHECK(data::control_trigger(b).trigger == config::Trigger::patch);
}

TEST_CASE(
    "the warp moves points by half its strength, smoothly, the same way in every image, and invents no value") {
  auto b = backdoor("warp");
  b.warp_strength = 4;
  std::vector<std::uint8_t> flat(784, 93), ramp(784), side(784);
  for (std::size_t p = 0; p < 784; ++p) {
    ramp[p] = static_cast<std::uint8_t>(9 * (p % 28));
    side[p] = static_cast<std::uint8_t>(9 * (p / 28));
  }
  for (auto* image : {&flat, &ramp, &side}) apply_trigger(image->data(), 1, 28, 28, b);
  CHECK(std::count(flat.begin(), flat.end(), 93) == 784);
  double moved = 0, jump = 0;
  for (std::size_t p = 0; p < 784; ++p) {
    moved += (std::abs(ramp[p] / 9.0 - static_cast<double>(p % 28)) +
              std::abs(side[p] / 9.0 - std::floor(static_cast<double>(p) / 28))) /
             2;
    if (p % 28 > 0) jump = std::max(jump, std::abs(side[p] - side[p - 1]) / 9.0);
  }
  CHECK(moved / 784 >
        1);  // the drawn points move by 1.93 on the mean; borders hold back, and between points it is less
  CHECK(moved / 784 < 2.2);
  CHECK(jump < 1.5);
  std::vector<std::uint8_t> three(std::size_t{3} * 784), one(784);
  for (std::size_t p = 0; p < 784; ++p) one[p] = static_cast<std::uint8_t>(p * 37 % 256);
  for (int c = 0; c < 3; ++c) std::copy(one.begin(), one.end(), three.begin() + std::ptrdiff_t{784} * c);
  apply_trigger(one.data(), 1, 28, 28, b);
  apply_trigger(three.data(), 3, 28, 28, b);
  for (int c = 0; c < 3; ++c)
    CHECK(std::equal(one.begin(), one.end(), three.begin() + std::ptrdiff_t{784} * c));
  b.warp_strength = 1e-6;
  auto still = one;
  apply_trigger(still.data(), 1, 28, 28, b);
  CHECK(still == one);
  CHECK(data::control_trigger(b).trigger == config::Trigger::patch);
}

TEST_CASE("a trigger that does not fit or has no such name is refused") {
  std::vector<std::uint8_t> image(std::size_t{8} * 9);
  auto b = backdoor("patch");
  b.size = 9;
  CHECK(contains(message_of<data::DataError>([&] { apply_trigger(image.data(), 1, 8, 9, b); }),
                 "data.backdoor.size: value is 9, allowed 1 to 8"));
  CHECK(contains(message_of<data::DataError>([&] { apply_trigger(image.data(), 1, 8, 9, backdoor("none")); }),
                 "value is \"none\", allowed patch, blend, checkerboard, noise, warp"));
}

TEST_CASE("poisoned rows are the fraction of those of other classes") {
  data::Indices train;
  std::vector<std::int64_t> labels;
  for (int i = 0; i < 100; ++i) {
    labels.push_back(i % 4);
    if (i >= 20) train.push_back(i);
  }
  const data::TargetLabel two{2};
  const auto rows = data::rows_to_poison(train, labels, two, 0.5, 1, 0);
  CHECK(rows.size() == 30);
  for (auto r : rows) {
    CHECK(r >= 20);
    CHECK(labels[static_cast<std::size_t>(r)] != 2);
  }
  CHECK(rows == data::rows_to_poison(train, labels, two, 0.5, 1, 0));
  CHECK(rows != data::rows_to_poison(train, labels, two, 0.5, 1, 1));
  CHECK(data::rows_to_poison(train, labels, two, 0.001, 1, 0).size() == 1);
  CHECK(data::rows_to_poison(train, labels, two, 0, 1, 0).empty());
  CHECK(contains(message_of<data::DataError>([&] {
                   data::rows_to_poison({2, 6, 10}, labels, two, 0.5, 1, 3);
                 }),
                 "client 3 has no training sample outside the target class 2: nothing can be poisoned"));
  const data::TargetLabel next{-1, 4};  // every row can carry it
  CHECK(data::rows_to_poison(train, labels, next, 1, 1, 0) == train);
  CHECK(contains(message_of<data::DataError>([&] { data::rows_to_poison({}, labels, next, 0.5, 1, 3); }),
                 "client 3 has no training sample: nothing can be poisoned"));
}

TEST_CASE("a target label is one class, or the one after each own, or none") {
  const data::TargetLabel none, one{2}, next{-1, 4};
  CHECK_FALSE(none.any());
  CHECK(one.any());
  CHECK(one.of(0) == 2);
  CHECK(one.differs(1));
  CHECK_FALSE(one.differs(2));
  CHECK(next.any());
  CHECK(next.of(0) == 1);
  CHECK(next.of(3) == 0);
  for (int own = 0; own < 4; ++own) CHECK(next.differs(own));
}

TEST_CASE("a share of poison that rounds to no sample is refused") {
  const std::vector<std::int64_t> labels{0, 1, 1, 1, 1, 1};
  const data::TargetLabel zero{0};
  const data::Indices rows{0, 1, 2, 3, 4, 5};
  // A tenth of five that do not carry label 0: one half, which is one
  CHECK_NOTHROW(data::check_poison_share(rows, labels, zero, 0.1, 2));
  CHECK(contains(message_of<data::DataError>([&] { data::check_poison_share(rows, labels, zero, 0.09, 2); }),
                 "data.backdoor.fraction: 0.09 of client 2's 5 training samples outside the target class 0 "
                 "rounds to none"));
  CHECK_NOTHROW(data::check_poison_share(rows, labels, zero, 0, 2));  // nothing was asked for
}
