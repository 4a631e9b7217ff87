#include "federate/task_extras.hpp"
#include "train/train_job.hpp"

#include <utility>

namespace afu::federate {

void TaskExtras::retune(ExtrasPtr own) {
  own_ = std::move(own);
  join();
}

void TaskExtras::hold_near(ExtrasPtr anchor) {
  if (anchor == anchor_) return;
  anchor_ = std::move(anchor);
  join();
}

void TaskExtras::join() {
  both_ = own_ ? own_ : anchor_;
  if (!own_ || !anchor_ || own_->anchor) return;
  auto both = *own_;
  both.anchor = anchor_->anchor;
  both.fisher = anchor_->fisher;
  both.strength = anchor_->strength;
  both_ = std::make_shared<const train::TrainExtras>(std::move(both));
}

}  // namespace afu::federate
