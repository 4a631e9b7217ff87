#include "train/learning_rate.hpp"

#include <doctest/doctest.h>

#include "config/sections/training.hpp"

using namespace afu;
using train::lr_factor;

namespace {
config::TrainingSection of(config::LrSchedule schedule) {
  config::TrainingSection t;
  t.schedule = schedule;
  return t;
}
}  // namespace

TEST_CASE("a constant one is 1 for ever") {
  const auto t = of(config::LrSchedule::constant);
  CHECK_FALSE(train::has_schedule(t));
  for (const std::uint64_t done : {0, 1, 1'000'000}) CHECK(lr_factor(t, done) == 1);
}

TEST_CASE("step: the factor at every milestone that is passed, or after every so many") {
  auto t = of(config::LrSchedule::step);
  t.schedule_milestones = {
      50, 75};  // PyTorch's MultiStepLR: the epoch numbered 50 is the first with the lower one
  CHECK(train::has_schedule(t));
  CHECK(lr_factor(t, 0) == 1);
  CHECK(lr_factor(t, 49) == 1);
  CHECK(lr_factor(t, 50) == doctest::Approx(0.1));
  CHECK(lr_factor(t, 74) == doctest::Approx(0.1));
  CHECK(lr_factor(t, 75) == doctest::Approx(0.01));
  CHECK(lr_factor(t, 999) == doctest::Approx(0.01));
  t.schedule_milestones.clear();
  t.schedule_every = 10;
  t.schedule_factor = 0.5;
  CHECK(lr_factor(t, 9) == 1);
  CHECK(lr_factor(t, 10) == 0.5);
  CHECK(lr_factor(t, 35) == 0.125);
}

TEST_CASE("cosine: half a period from 1 to the floor, which it keeps") {
  auto t = of(config::LrSchedule::cosine);
  t.schedule_length = 8;
  CHECK(lr_factor(t, 0) == 1);
  CHECK(lr_factor(t, 4) == doctest::Approx(0.5));
  CHECK(lr_factor(t, 2) == doctest::Approx(0.85355339));  // (1 + cos 45 degrees) / 2
  CHECK(lr_factor(t, 8) == doctest::Approx(0).epsilon(1e-12));
  CHECK(lr_factor(t, 1000) == lr_factor(t, 8));
  t.schedule_floor = 0.2;
  CHECK(lr_factor(t, 0) == 1);
  CHECK(lr_factor(t, 4) == doctest::Approx(0.6));
  CHECK(lr_factor(t, 9) == doctest::Approx(0.2));
}

TEST_CASE("warm-up rises in equal parts; a cosine begins behind it, milestones count it") {
  auto t = of(config::LrSchedule::constant);
  t.warm_up = 3;
  CHECK(train::has_schedule(t));
  CHECK(lr_factor(t, 0) == 0.25);
  CHECK(lr_factor(t, 1) == 0.5);
  CHECK(lr_factor(t, 2) == 0.75);
  CHECK(lr_factor(t, 3) == 1);
  t.schedule = config::LrSchedule::cosine;
  t.schedule_length = 7;
  CHECK(lr_factor(t, 2) == 0.75);
  CHECK(lr_factor(t, 3) == 1);
  CHECK(lr_factor(t, 5) == doctest::Approx(0.5));
  t.schedule = config::LrSchedule::step;
  t.schedule_milestones = {2, 5};
  CHECK(lr_factor(t, 1) == 0.5);
  CHECK(lr_factor(t, 2) == doctest::Approx(0.075));
  CHECK(lr_factor(t, 4) == doctest::Approx(0.1));
  CHECK(lr_factor(t, 5) == doctest::Approx(0.01));
}
