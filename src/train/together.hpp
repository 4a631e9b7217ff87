#pragma once
/// Which clients' training jobs a lane may step together (train/batched_training.hpp). No torch in this
/// header.
#include "job/job.hpp"
#include "train/train_job.hpp"

namespace afu::train {

/// Whether it is local training alone: nothing that a method or a regulariser adds, which is of one client.
bool may_be_batched(const TrainJob& job);

/// Two such jobs with the same optimiser and batch size, neither of which takes more than twice the other's
/// steps, since the one done first waits for the other.
bool fit_together(const TrainJob& a, const TrainJob& b);

}  // namespace afu::train
