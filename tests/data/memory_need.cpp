#include "data/memory_need.hpp"

#include <doctest/doctest.h>

#include "config/scenario.hpp"
#include "data/dataset.hpp"
#include "tests/data/support.hpp"

using namespace afu;
using namespace afu::test;
using data::DataError;

TEST_CASE("a generated set that does not fit into memory is refused with figures, before it is made") {
  config::Scenario s;
  s.data.train_samples = 100'000'000;
  const auto message =
      message_of<DataError>([&] { data::check_memory(s, std::uint64_t{24} * 1000 * 1000 * 1000); });
  CHECK(contains(message,
                 "data.train_samples = 100000000, val_samples = 400, test_samples = 800: 100001200 "
                 "images of 784 bytes take 160.0 GB"));
  CHECK(contains(message, "24.0 GB is all that there is"));
  data::check_memory(s, std::uint64_t{1} << 40);
  s.data.limit = 1000;
  data::check_memory(s, 10'000'000);
  s.data.limit = 0;
  s.scenario.execute = config::Execute::timing;  // generates nothing
  data::check_memory(s, 1000);
}

TEST_CASE("the need counts every copy") {
  data::ImageCounts c;
  c.train = 10, c.val = 2, c.test = 3, c.image_bytes = 84;
  CHECK(data::memory_need(c) == 2 * 15 * 100);
  c.backdoor = true;
  CHECK(data::memory_need(c) == (2 * 15 + 2 * 3 + 10) * 100);
  data::require_memory("x", c, data::memory_need(c));
  CHECK(contains(message_of<DataError>([&] { data::require_memory("x", c, data::memory_need(c) - 1); }),
                 "x: 15 images of 84 bytes"));
  data::require_memory("x", c, 0);  // nothing is known of the memory
  CHECK(data::bytes_text(1'500'000'000) == "1.5 GB");
}

TEST_CASE("of a validation image a site's scanner makes one copy at most, however many are asked for") {
  config::Scenario s;
  s.partition.clients = 40;
  s.calibration.samples_per_environment = 1'000'000;
  CHECK(data::shifted_copies(s, 78) == 0);
  s.partition.shift.noise = 0.1;
  CHECK(data::shifted_copies(s, 78) == 40 * 78);
  s.calibration.samples_per_environment = 20;
  CHECK(data::shifted_copies(s, 78) == 40 * 20);
  s.calibration.source = config::CalibrationSource::clients;
  CHECK(data::shifted_copies(s, 78) == 0);
}
