#include "wire/connect.hpp"

#include <doctest/doctest.h>

using namespace afu;

TEST_CASE("a port where nobody listens is an error with the system's reason") {
  CHECK_THROWS_WITH(wire::connect_to({"127.0.0.1", 1}, std::chrono::milliseconds(500)), "Connection refused");
}
