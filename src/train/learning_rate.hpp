#pragma once
/// What training.lr is multiplied with, by how far a training has come. No torch, no clock.
#include <cstdint>

#include "config/scenario_fwd.hpp"

namespace afu::config {
struct TrainingSection;
}

namespace afu::train {

/// Whether it is anything but 1 for ever.
bool has_schedule(const config::TrainingSection& training);

/// Of the job that begins when `done` jobs, updates or rounds (training.schedule_by) are over, 0 being the first:
/// warm-up: (done + 1) / (warm_up + 1) while done < warm_up, times what the schedule says there;
/// step: schedule_factor^(milestones m <= done), or schedule_factor^floor(done / schedule_every);
/// cosine: floor + (1 - floor) (1 + cos(pi t)) / 2, t = (done - warm_up) / (schedule_length - warm_up), within [0, 1].
double lr_factor(const config::TrainingSection& training, std::uint64_t done);

}  // namespace afu::train
