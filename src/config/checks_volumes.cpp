#include "config/checks_volumes.hpp"

#include <string>

#include "config/scenario.hpp"
#include "config/text.hpp"

namespace afu::config {

void check_volumes(const Scenario& s, std::int64_t depth, const Fail& fail) {
  if (depth <= 1) return;
  const auto& b = s.data.backdoor;
  if (b.trigger == Trigger::warp)
    fail(
        "data.backdoor.trigger",
        "\"warp\" needs images, and these are volumes: the field that WaNet moves points by is one of images; allowed "
        "are patch, blend, checkerboard, noise and none",
        {"data.depth"});
  if (is_square(b.trigger) && b.size > depth)
    fail("data.backdoor.size",
         std::to_string(b.size) + " is larger than the volumes, which have " + std::to_string(depth) +
             " slices",
         {"data.depth"});
  if (s.compute.step == StepEngine::fused || s.compute.step == StepEngine::kernels)
    fail(
        "compute.step",
        quoted(s.compute.step) +
            " has no kernels of volumes, whose networks go through LibTorch's operators; allowed are auto, autograd "
            "and graph",
        {"data.depth"});
}

}  // namespace afu::config
