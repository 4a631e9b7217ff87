#include "base/json_depth.hpp"

#include <nlohmann/json.hpp>
#include <string>

#include <doctest/doctest.h>

using namespace afu::base;

TEST_CASE("text that nests too deep is no value, and the line is told") {
  const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  CHECK_FALSE(too_deep(nested(100)));
  CHECK(too_deep("\n\n" + nested(101)) == 2);
  CHECK_FALSE(too_deep("\"" + nested(500) + "\\\"" + nested(500) + "\""));  // a text
  CHECK_FALSE(too_deep("[][][]" + std::string(300, ']')));
  CHECK(parse_or_discard(nested(300000)).is_discarded());
  CHECK(parse_or_discard("{\"a\": oops}").is_discarded());
  CHECK(parse_or_discard("{\"a\": [1]}")["a"][0] == 1);
}
