#include "base/address.hpp"

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "base/input_error.hpp"

using namespace afu;

TEST_CASE("an address of a node is a host and a port") {
  CHECK(base::address_from("gpu1:4711").host == "gpu1");
  CHECK(base::address_from("gpu1:4711").port == 4711);
  CHECK(base::address_from("[::1]:65535").host == "::1");
  CHECK(base::to_text(base::address_from("[::1]:9")) == "[::1]:9");
  CHECK(base::address_from("127.0.0.1:0", true).port == 0);
  for (const auto* wrong :
       {"", "gpu1", "gpu1:", ":1", "gpu1:0", "gpu1:65536", "gpu1:-1", "gpu1:1x", "::1:5", "a b:5", "[]:5"})
    CHECK_THROWS_AS(base::address_from(wrong), InputError);
  CHECK_THROWS_WITH(base::address_from("gpu1"),
                    "'gpu1' is no address of a node: it has no port; allowed: HOST:PORT, as gpu1:4711");
  for (const auto& [text, why] :
       std::vector<std::pair<const char*, const char*>>{{" gpu1:4711", "it has a blank"},
                                                        {"gpu1:4711\n", "it has a blank"},
                                                        {":4711", "it has no host"},
                                                        {"gpu1/0:4711", "its host has one of / , [ ]"},
                                                        {"::1:4711", "an IPv6 address stands in brackets"},
                                                        {"gpu1:x", "the port is none from 1 to 65535"}})
    CHECK_THROWS_WITH(
        base::address_from(text),
        (std::string("'") + text + "' is no address of a node: " + why + "; allowed: HOST:PORT, as gpu1:4711")
            .c_str());
}

TEST_CASE("none is named twice") {
  base::refuse_twice({{"a", 1}, {"b", 2}, {"a", 2}});
  CHECK_THROWS_WITH_AS(base::refuse_twice({{"a", 1}, {"b", 2}, {"a", 1}}), "node a:1 is named twice",
                       InputError);
}

TEST_CASE("what only this machine can reach") {
  CHECK(base::is_loopback("127.0.0.1"));
  CHECK(base::is_loopback("::1"));
  CHECK(base::is_loopback("localhost"));
  CHECK_FALSE(base::is_loopback("0.0.0.0"));
  CHECK_FALSE(base::is_loopback("gpu1"));
}
