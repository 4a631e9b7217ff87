#include "wire/slurm_hosts.hpp"

#include <doctest/doctest.h>

#include "base/input_error.hpp"

using namespace afu;
using namespace afu::wire;
using Hosts = std::vector<std::string>;

TEST_CASE("hosts of an allocation are those that Slurm's list names") {
  CHECK(hosts_of("gpu1") == Hosts{"gpu1"});
  CHECK(hosts_of("gpu[1-3,7],login") == Hosts{"gpu1", "gpu2", "gpu3", "gpu7", "login"});
  CHECK(hosts_of("n[08-11]-ib") == Hosts{"n08-ib", "n09-ib", "n10-ib", "n11-ib"});
  CHECK(hosts_of("r[1-2]c[5,9]") == Hosts{"r1c5", "r1c9", "r2c5", "r2c9"});
}

TEST_CASE("a list that Slurm does not write is refused, with its text") {
  for (const auto* list : {"", "a,,b", "gpu[1-3", "gpu]1[", "gpu[3-1]", "gpu[a]", "gpu[]", "gpu[1-]",
                           "n[0-99999]", "n[0-999][0-999]", "a,", "n[[1]]"}) {
    CAPTURE(list);
    CHECK_THROWS_AS(hosts_of(list), InputError);
  }
  CHECK_THROWS_WITH(
      hosts_of("gpu[3-1]"),
      "'gpu[3-1]' is no list of Slurm's hosts: '3-1' is no range; allowed: as gpu[1-3,7],login");
}
