#pragma once
/// What tasks carry for the clients' training beside the model: what the method's last Retune says, and an
/// anchor (federate/ewc.hpp).
#include <memory>

#include "train/train_job.hpp"

namespace afu::federate {

class TaskExtras {
 public:
  using ExtrasPtr = std::shared_ptr<const train::TrainExtras>;

  void retune(ExtrasPtr own);
  void hold_near(ExtrasPtr anchor);
  /// Of the next task. It has room for one anchor: the method's own comes first. Null: nothing.
  const ExtrasPtr& now() const { return both_; }

 private:
  void join();
  ExtrasPtr own_, anchor_, both_;
};

}  // namespace afu::federate
