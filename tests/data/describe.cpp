#include "data/describe.hpp"

#include <doctest/doctest.h>

#include "config/scenario.hpp"
#include "data/federated.hpp"
#include "data/medmnist.hpp"
#include "tests/data/support.hpp"

using namespace afu;
using namespace afu::test;

TEST_CASE("a source's table") {
  data::Source s;
  s.name = "tiny";
  s.class_names = {"ill", "well"};
  s.md5 = "0123";
  s.official = "official tinymnist";
  for (auto* images : {&s.train, &s.val, &s.test}) images->height = images->width = 8;
  s.train.labels = {0, 1, 1};
  s.train.subjects = {5, 6, 6};
  s.test.labels = {0};
  s.test.subjects = {6};
  CHECK(data::describe_source(s) == R"(data set   tiny
images     1 x 8 x 8 (channels x height x width), uint8
md5        0123
origin     official tinymnist
subjects   1 stand in more than one split: test figures are optimistic

  split  images  subjects  class 0  class 1
  train       3         2        1        2
  val         0         0        0        0
  test        1         1        1        0

  class 0: ill
  class 1: well
)");
}

TEST_CASE("a federation's table") {
  config::Scenario s;
  s.data.image_size = 8;
  s.data.train_samples = 40;
  s.data.val_samples = 40;
  s.data.test_samples = 20;
  s.data.backdoor.trigger = config::Trigger::blend;
  s.partition.clients = 2;
  s.partition.holdout_fraction = 0.1;
  s.calibration.samples_per_environment = 4;
  const auto d = data::federate(data::load_source(s.data, 1, ""), s);
  const auto text = data::describe_federation(d, s);
  CHECK(contains(text, "partition  iid, 2 clients, seed 1\n"));
  CHECK(
      contains(text, "client  train  class 0  class 1  class 2  class 3  poisoned  hold-out  calibration\n"));
  CHECK(contains(text, "training samples a client: 18 to 18, median 18"));
  CHECK(contains(text, "test 20, validation 32 and 8 more in the calibration set"));
  CHECK(contains(
      text,
      fmt::format("backdoor: {} of client 0's samples carry the trigger \"blend\" and label 0; 15 triggered",
                  d.poisoned)));

  s.data.train_samples = 2400;
  s.partition.clients = 120;
  const auto many = data::describe_federation(data::federate(data::load_source(s.data, 1, ""), s), s);
  CHECK(contains(many, "... and 20 more"));
}
