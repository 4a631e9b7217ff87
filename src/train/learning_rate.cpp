#include "train/learning_rate.hpp"

#include <algorithm>
#include <cmath>

#include "base/elementary.hpp"
#include "config/sections/training.hpp"

namespace afu::train {
namespace {

constexpr double kPi = 3.14159265358979323846;

double step(const config::TrainingSection& t, double done) {
  const auto passed = t.schedule_every > 0
                          ? std::floor(done / static_cast<double>(t.schedule_every))
                          : static_cast<double>(std::count_if(
                                t.schedule_milestones.begin(), t.schedule_milestones.end(),
                                [&](std::int64_t m) { return static_cast<double>(m) <= done; }));
  return base::pow(t.schedule_factor, passed);
}

double cosine(const config::TrainingSection& t, double done) {
  const auto begin = static_cast<double>(t.warm_up), end = static_cast<double>(t.schedule_length);
  const double way = std::clamp((done - begin) / (end - begin), 0.0, 1.0);
  return t.schedule_floor + (1 - t.schedule_floor) * (1 + base::cos(kPi * way)) / 2;
}

}  // namespace

bool has_schedule(const config::TrainingSection& t) {
  return t.schedule != config::LrSchedule::constant || t.warm_up > 0;
}

double lr_factor(const config::TrainingSection& t, std::uint64_t done) {
  const auto so_far = static_cast<double>(done);
  double factor = 1;
  if (t.schedule == config::LrSchedule::step) factor = step(t, so_far);
  if (t.schedule == config::LrSchedule::cosine) factor = cosine(t, so_far);
  if (done < static_cast<std::uint64_t>(t.warm_up))
    factor *= (so_far + 1) / (static_cast<double>(t.warm_up) + 1);
  return factor;
}

}  // namespace afu::train
