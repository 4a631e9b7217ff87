#include "config/nesting.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support.hpp"

using namespace afu::config;
using namespace afu::config::test;

namespace {

std::string repeated(const std::string& part, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += part;
  return out;
}

}  // namespace

TEST_CASE("parts of keys, sections, arrays and inline tables add up") {
  CHECK_FALSE(deeper_than("a.b.c = 1", 3));
  CHECK(deeper_than("a.b.c = 1", 2));
  CHECK_FALSE(deeper_than("[a.b]\nc.d = 1", 4));
  CHECK(deeper_than("[a.b]\nc.d = 1", 3));
  CHECK(deeper_than("[a.b]\n[c]\nd = 1\n[e.f.g]\n", 2));
  CHECK_FALSE(deeper_than("x = [[1], [2]]", 3));
  CHECK(deeper_than("x = [[1], [2]]", 2));
  CHECK(deeper_than("x = { a.b = { c = 1 } }", 3));
  CHECK_FALSE(deeper_than("x = { a.b = { c = 1 } }", 4));
  CHECK_FALSE(deeper_than("[[erasure]]\nclient = 1\n[[erasure]]\nclient = 2\n", 2));
}

TEST_CASE("numbers, strings, comments and long lists are not deep") {
  CHECK_FALSE(deeper_than("x = [" + repeated("1.5, ", 500) + "1.5]", 3));
  CHECK_FALSE(deeper_than("x = \"" + repeated(".", 500) + "[[[[{{{{\" # " + repeated(".[", 500), 2));
  CHECK_FALSE(
      deeper_than("x = '" + repeated(".[", 500) + "'\ny = '''\n" + repeated(".[\n", 500) + "'''\n", 2));
  CHECK_FALSE(deeper_than("x = \"\"\"a\\\"\"\"b\n" + repeated("[.", 500) + "\"\"\"\"\"\nz = 1", 2));
  CHECK_FALSE(deeper_than(repeated("x.y = 1.5\n", 500), 3));
  CHECK_FALSE(deeper_than("\"a.b.c.d\".'e.f.g' = 1", 2));
}

TEST_CASE("the place is that of the part which is too much") {
  const auto at = deeper_than("\xc3\xa9 = 1\nab.cd.ef = 1", 2);
  REQUIRE(at);
  CHECK(at->line == 2);
  CHECK(at->column == 6);
}

TEST_CASE("deep scenarios and overrides are refused, not followed") {
  const auto deep_key = errors_of(repeated("a.", 100'000) + "a = 1\n");
  REQUIRE(deep_key.size() == 1);
  CHECK(deep_key[0].find(":1:200: nested deeper than 100 levels") != std::string::npos);
  for (const auto& text :
       {repeated("[", 100'000), "x = " + repeated("[", 100'000), "[" + repeated("a.", 100'000) + "b]\n",
        "x = " + repeated("{a=", 100'000), repeated("[a.b.c]\n", 10) + "x = " + repeated("[", 98)})
    CHECK(errors_of(text).size() == 1);
  const auto key = errors_of("[stop]\nupdates = 1\n", {repeated("a.", 20'000) + "a=1"});
  REQUIRE(key.size() == 1);
  CHECK(key[0].size() < 400);
  CHECK(key[0].find("nested deeper than 100 levels") != std::string::npos);
  const auto value = errors_of("[stop]\nupdates = 1\n", {"data.path=" + repeated("{a=", 20'000)});
  REQUIRE(value.size() == 1);
  CHECK(value[0].find("nested deeper than 100 levels") != std::string::npos);
}

TEST_CASE("malformed keys of overrides are refused") {
  for (const char* text : {"tra]ining.lr=0.1", "erasure[0.client=1", "erasure[0]client=1",
                           "erasure[x].client=1", "erasure[].client=1", "training..lr=0.1"})
    CHECK(errors_of("[stop]\nupdates = 1\n", {text}).size() == 1);
}

TEST_CASE("an override that is no UTF-8 is refused, and shown so that a terminal survives it") {
  const auto errors = errors_of("[stop]\nupdates = 1\n", {"data.path=caf\xe9\x1b[31m/d.npz"});
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].find("is no UTF-8 at byte 14") != std::string::npos);
  CHECK(errors[0].find("'data.path=caf\\xe9\\x1b[31m/d.npz'") != std::string::npos);
  CHECK(errors[0].find('\x1b') == std::string::npos);
}
