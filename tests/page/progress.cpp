#include "page/progress.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <string>

using namespace afu::page;

TEST_CASE("without a terminal a line is told every ten seconds, or at 5 % more and two seconds") {
  CHECK_FALSE(line_due(1.9, 1.0, 0.0));
  CHECK_FALSE(line_due(2.0, 0.0499, 0.0));
  CHECK(line_due(2.0, 0.05, 0.0));
  CHECK_FALSE(line_due(9.9, 0.52, 0.5));
  CHECK(line_due(10.0, 0.5, 0.5));
}

TEST_CASE("how much is done goes by the limit that is nearer") {
  CHECK(part_done({480, 0}, 120, 1e9) == 0.25);
  CHECK(part_done({0, 10}, 120, 5) == 0.5);
  CHECK(part_done({480, 10}, 120, 5) == 0.5);
  CHECK(part_done({0, 0}, 120, 5) == 0);
}

TEST_CASE("progress that is quiet, or asked for sooner than it is due, writes nothing to a pipe") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  {
    ProgressLine quiet({10, 0}, true, ends[1]), soon({10, 0}, false, ends[1]);
    quiet.update(10, 1);
    soon.update(10, 1);
  }
  ::close(ends[1]);
  char byte;
  CHECK(::read(ends[0], &byte, 1) == 0);
  ::close(ends[0]);
}
