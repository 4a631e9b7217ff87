#include "wire/address.hpp"

#include <doctest/doctest.h>

#include "base/input_error.hpp"

using namespace afu;

TEST_CASE("an address of a node is a host and a port") {
  CHECK(wire::address_from("gpu1:4711").host == "gpu1");
  CHECK(wire::address_from("gpu1:4711").port == 4711);
  CHECK(wire::address_from("[::1]:65535").host == "::1");
  CHECK(wire::to_text(wire::address_from("[::1]:9")) == "[::1]:9");
  CHECK(wire::address_from("127.0.0.1:0", true).port == 0);
  for (const auto* wrong :
       {"", "gpu1", "gpu1:", ":1", "gpu1:0", "gpu1:65536", "gpu1:-1", "gpu1:1x", "::1:5", "a b:5", "[]:5"})
    CHECK_THROWS_AS(wire::address_from(wrong), InputError);
  CHECK_THROWS_WITH(wire::address_from("gpu1"),
                    "'gpu1' is no address of a node: it has no port; allowed: HOST:PORT, as gpu1:4711");
}

TEST_CASE("several are separated by commas, and none is named twice") {
  const auto all = wire::addresses_from("a:1,b:2,a:2");
  REQUIRE(all.size() == 3);
  CHECK(wire::to_text(all[2]) == "a:2");
  CHECK_THROWS_WITH(wire::addresses_from("a:1,b:2,a:1"), "node a:1 is named twice");
  CHECK_THROWS_AS(wire::addresses_from("a:1,"), InputError);
}

TEST_CASE("what only this machine can reach") {
  CHECK(wire::is_loopback("127.0.0.1"));
  CHECK(wire::is_loopback("::1"));
  CHECK(wire::is_loopback("localhost"));
  CHECK_FALSE(wire::is_loopback("0.0.0.0"));
  CHECK_FALSE(wire::is_loopback("gpu1"));
}

TEST_CASE("a port where nobody listens is an error with the system's reason") {
  CHECK_THROWS_WITH(wire::connect_to({"127.0.0.1", 1}, std::chrono::milliseconds(500)), "Connection refused");
}
