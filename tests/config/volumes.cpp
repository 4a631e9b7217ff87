// What cannot be done with volumes is refused when the scenario is read.
#include <doctest/doctest.h>

#include "support.hpp"

using namespace afu::config;
using namespace afu::config::test;
using Messages = std::vector<std::string>;

namespace {
Messages with_stop(const std::string& text) { return errors_of(text + "\n[stop]\nupdates = 200\n"); }
}  // namespace

TEST_CASE("volumes: a warp, kernels, and a cube that is larger than they are") {
  CHECK(with_stop("data.depth = 16\ncompute.step = \"autograd\"").empty());
  CHECK(
      with_stop("data.depth = 16\ncompute.step = \"fused\"") ==
      Messages{
          "s.toml:2:16: compute.step: \"fused\" has no kernels of volumes, whose networks go through LibTorch's "
          "operators; allowed are auto, autograd and graph"});
  const std::string trigger = "data.depth = 16\n[data.backdoor]\nclient = 0\ntrigger = ";
  CHECK(
      with_stop(trigger + "\"warp\"") ==
      Messages{
          "s.toml:4:11: data.backdoor.trigger: \"warp\" needs images, and these are volumes: the field that WaNet "
          "moves points by is one of images; allowed are patch, blend, checkerboard, noise and none"});
  CHECK(with_stop(trigger + "\"patch\"\nsize = 16").empty());
  CHECK(with_stop(trigger + "\"patch\"\nsize = 17") ==
        Messages{"s.toml:5:8: data.backdoor.size: 17 is larger than the volumes, which have 16 slices"});
  CHECK(with_stop("data.depth = 4") ==
        Messages{
            "s.toml:1:14: data.depth: 4 is too few, allowed are 1, and 8 or more for the phantom's volumes"});
}
