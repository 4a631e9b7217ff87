// Checks that need more than one value of a scenario.
#include <doctest/doctest.h>

#include "support.hpp"

using namespace afu::config;
using namespace afu::config::test;
using Messages = std::vector<std::string>;

namespace {
Messages with_stop(const std::string& text) { return errors_of(text + "\n[stop]\nupdates = 200\n"); }
}  // namespace

TEST_CASE("a run must end") {
  const std::string text = "the run never ends, allowed is at least one of updates, rounds, seconds above 0";
  CHECK(errors_of("") == Messages{"s.toml:1:1: stop: " + text});
  CHECK(errors_of("\n[stop]\nupdates = 0") == Messages{"s.toml:2:1: stop: " + text});
  // The wrong value is the news, not what would follow from its default.
  CHECK(errors_of("[stop]\nupdates = -1") == Messages{"s.toml:2:11: stop.updates: -1 is outside [0, inf)"});
}

TEST_CASE("rounds are for fedavg") {
  CHECK(
      errors_of("[stop]\nrounds = 5") ==
      Messages{
          "s.toml:2:10: stop.rounds: rounds are for the rule \"fedavg\", training.rule is \"async_delta\""});
  CHECK(with_stop("[[erasure]]\nclient = 0\nat_round = 5") ==
        Messages{"s.toml:3:12: erasure[0].at_round: rounds are for the rule \"fedavg\", training.rule is "
                 "\"async_delta\""});
  CHECK(errors_of("training.rule = \"fedavg\"\n[[erasure]]\nclient = 0\nat_round = 5\n[stop]\nrounds = 9")
            .empty());
}

TEST_CASE("erasures") {
  CHECK(with_stop("[[erasure]]\nclient = 0") ==
        Messages{"s.toml:1:1: erasure[0]: 0 times are given, allowed is exactly one of at_update, at_round, "
                 "at_seconds"});
  CHECK(with_stop("[[erasure]]\nclient = 0\nat_update = 1\nat_seconds = 2") ==
        Messages{"s.toml:1:1: erasure[0]: 2 times are given, allowed is exactly one of at_update, at_round, "
                 "at_seconds"});
  CHECK(with_stop("[[erasure]]\nat_update = 1") ==
        Messages{"s.toml:1:1: erasure[0]: client is missing, allowed is a whole number in [0, 9999999]"});
  CHECK(with_stop("partition.clients = 4\n[[erasure]]\nclient = 4\nat_update = 1") ==
        Messages{"s.toml:3:10: erasure[0].client: 4 is outside [0, 3], partition.clients is 4"});
  CHECK(with_stop("[[erasure]]\nclient = 2\nat_update = 1\n[[erasure]]\nclient = 2\nat_update = 9") ==
        Messages{"s.toml:5:10: erasure[1].client: 2 is erased by erasure[0] already, allowed is one erasure "
                 "a client"});
  CHECK(
      with_stop("[[erasure]]\nclient = 2\nat_update = 200") ==
      Messages{"s.toml:3:13: erasure[0].at_update: 200 is never reached, the run stops at stop.updates 200"});
  CHECK(with_stop("[[erasure]]\nclient = 2\nat_update = 1\nscope = \"samples\"\nfraction = 1") ==
        Messages{"s.toml:5:12: erasure[0].fraction: 1.0 is outside (0, 1), scope \"samples\" leaves the "
                 "client some; "
                 "scope \"client\" erases all"});
  CHECK(with_stop("[[erasure]]\nclient = 2\nat_update = 1\nfraction = 0.0") ==
        Messages{"s.toml:4:12: erasure[0].fraction: 0.0 is outside (0, 1]"});
  CHECK(with_stop("partition.clients = 1\n[[erasure]]\nclient = 0\nat_update = 1") ==
        Messages{"s.toml:2:1: erasure: all 1 clients leave, allowed is to keep one at least"});
  // An error in the key that a check looks at hides what would follow from the default.
  CHECK(with_stop("[[erasure]]\nclient = 0\nat_update = -5") ==
        Messages{"s.toml:3:13: erasure[0].at_update: -5 is outside [0, inf)"});
  CHECK(with_stop("partition.clients = \"x\"\n[[erasure]]\nclient = 11\nat_update = 5").size() == 1);
}

TEST_CASE("training and partition") {
  CHECK(with_stop("[partition]\nclients = 4\n[training]\nclients_per_round = 5") ==
        Messages{"s.toml:4:21: training.clients_per_round: 5 is outside [0, 4], partition.clients is 4"});
  CHECK(with_stop("[partition]\nscheme = \"pathological\"\nclasses_per_client = 5") ==
        Messages{"s.toml:3:22: partition.classes_per_client: 5 is outside [1, 4], data.classes is 4"});
  CHECK(with_stop("[[heterogeneity.compute.override]]\nclient = 8\nslowdown = 2") ==
        Messages{"s.toml:2:10: heterogeneity.compute.override[0].client: 8 is outside [0, 7], "
                 "partition.clients is 8"});
  CHECK(
      with_stop(
          "[[heterogeneity.network.override]]\nclient = 1\n[[heterogeneity.network.override]]\nclient = 1") ==
      Messages{"s.toml:4:10: heterogeneity.network.override[1].client: 1 stands in "
               "heterogeneity.network.override[0] "
               "already, allowed is one a client"});
}

TEST_CASE("data, model and backdoor") {
  CHECK(with_stop("[data]\nsource = \"npz\"") ==
        Messages{"s.toml:1:1: data.path: \"\" is no path, the source \"npz\" needs one"});
  CHECK(
      with_stop("[data]\nsource = \"image_folder\"\npath = \"x\"\nval_fraction = 0.5\ntest_fraction = 0.5") ==
      Messages{"s.toml:5:17: data.test_fraction: 0.5 and val_fraction 0.5 leave no training images, allowed "
               "is a sum "
               "below 1"});
  CHECK(with_stop("[data]\nchannels = 2") ==
        Messages{"s.toml:2:12: data.channels: 2 is unknown, allowed are 1, 3"});
  CHECK(with_stop("[model]\nname = \"torchscript\"") ==
        Messages{"s.toml:1:1: model.path: \"\" is no path, the model \"torchscript\" needs one"});
  CHECK(with_stop("[data.backdoor]\nclient = 8") ==
        Messages{"s.toml:2:10: data.backdoor.client: 8 is outside [0, 7], partition.clients is 8"});
  CHECK(with_stop("[data.backdoor]\ntrigger = \"patch\"") ==
        Messages{"s.toml:1:1: data.backdoor.client: -1 is the client of the first erasure, and there is no "
                 "[[erasure]]"});
  CHECK(with_stop("[data.backdoor]\ntrigger = \"patch\"\nclient = 1\nlabel = 4\nsize = 40") ==
        Messages{"s.toml:4:9: data.backdoor.label: 4 is outside [0, 3], data.classes is 4",
                 "s.toml:5:8: data.backdoor.size: 40 is larger than the images, data.image_size is 28"});
  CHECK(with_stop("[heterogeneity.availability]\nmodel = \"trace\"") ==
        Messages{
            "s.toml:1:1: heterogeneity.availability.path: \"\" is no path, the model \"trace\" needs one"});
}

TEST_CASE("scenario and devices") {
  CHECK(with_stop("[scenario]\nexecute = \"timing\"\nclock = \"wall\"") ==
        Messages{
            "s.toml:2:11: scenario.execute: \"timing\" needs the virtual clock, scenario.clock is \"wall\""});
  CHECK(with_stop("[scenario]\nname = \"../x\"") ==
        Messages{"s.toml:2:8: scenario.name: \"../x\" is no folder's name, allowed are letters, digits, '-', "
                 "'_' and "
                 "'.'"});
  CHECK(
      with_stop("[compute]\ndevices = []") ==
      Messages{
          "s.toml:2:11: compute.devices: the list is empty, allowed are \"cpu\", \"cuda\", \"cuda:0\", ..."});
  CHECK(with_stop("[compute]\ndevices = [\"cuda:0\", \"cuda:0\"]") ==
        Messages{"s.toml:2:22: compute.devices[1]: \"cuda:0\" stands in the list already"});
}
