/// What is refused of JSON that comes from outside, and with which words.
#include "figures/json_file.hpp"

#include <string>

#include <doctest/doctest.h>

using namespace afu::figures;

namespace {

template <class F>
std::string refused(F read) {
  try {
    read();
  } catch (const ReportError& e) {
    return e.what();
  }
  return "it was read";
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + "1" + std::string(depth, ']'); }

template <class T>
std::string as(const std::string& value) {
  const auto json = parse_json("{\"x\": " + value + "}", "f.json");
  return refused([&] { JsonPlace(json, "f.json").get<T>("x"); });
}

}  // namespace

TEST_CASE("JSON that nests deeper than a hundred brackets is refused with its line") {
  CHECK(refused([] { parse_json(nested(100), "f.json"); }) == "it was read");
  CHECK(refused([] { parse_json("\n\n" + nested(101), "f.json"); }) ==
        "f.json:3: nests deeper than 100 brackets, which no file of afu's does");
  CHECK(refused([] { parse_json(nested(200000), "f.json"); }).find("f.json:1: nests deeper") == 0);
  CHECK(refused([] { parse_json(std::string(5000, '{'), "f.json", 7); }).find("f.json:7: nests deeper") == 0);
  // Brackets in texts are none.
  CHECK(refused([] {
          parse_json("\"" + std::string(500, '[') + "\\\"" + std::string(500, '{') + "\"", "f");
        }) == "it was read");
}

TEST_CASE("broken JSON and numbers beyond a double are told with file and line") {
  CHECK(refused([] { parse_json("{\n\"a\": oops}", "f.json"); }).find("f.json:2: is no JSON: ") == 0);
  CHECK(refused([] { parse_json("{\"a\": 1e999}", "f.json", 4); }).find("f.json:4: cannot be read: ") == 0);
  CHECK(refused([] { parse_json("", "f.json"); }).find("f.json:1: is no JSON") == 0);
}

TEST_CASE("a value is converted only to a type that holds it") {
  CHECK(as<std::uint64_t>("18446744073709551615") == "it was read");
  CHECK(as<std::uint64_t>("-1").find("f.json: x has the value -1, allowed are whole numbers from 0 to") == 0);
  CHECK(as<std::uint64_t>("1e300").find("f.json: x has the value 1e+300, allowed are whole numbers") == 0);
  CHECK(as<std::uint64_t>("2.5").find("allowed are whole numbers") != std::string::npos);
  CHECK(as<std::uint64_t>("3.0") == "it was read");
  CHECK(as<std::uint64_t>("\"3\"") == "f.json: x has the value \"3\", wanted is a whole number");
  CHECK(as<std::uint64_t>("true") == "f.json: x has the value true, wanted is a whole number");
  CHECK(as<std::uint32_t>("4294967295") == "it was read");
  CHECK(as<std::uint32_t>("4294967296") ==
        "f.json: x has the value 4294967296, allowed are whole numbers from 0 to 4294967295");
  CHECK(as<std::int64_t>("9223372036854775808").find("allowed are whole numbers") != std::string::npos);
  CHECK(as<std::int64_t>("-9223372036854775808") == "it was read");
  CHECK(as<double>("null") == "f.json: x has the value null, wanted is a number");
  CHECK(as<bool>("1") == "f.json: x has the value 1, wanted is true or false");
  CHECK(as<std::string>("[1, 2]") == "f.json: x has the value an array, wanted is a text");
  // A long value is not shown whole, and no control character as it is.
  CHECK(as<double>("\"\\u001b[31m" + std::string(500, 'a') + "\"").size() < 140);
  CHECK(as<double>("\"\\u001b[31m\"").find('\x1b') == std::string::npos);
}

TEST_CASE("ranges and schemas are checked") {
  const auto json = parse_json("{\"schema\": 99, \"share\": 1.5, \"none\": null}", "f.json");
  const JsonPlace j(json, "f.json");
  CHECK(refused([&] { check_schema(j, 1); }) == "f.json: schema is 99, this program reads 1");
  CHECK(refused([&] { check_schema(j, 99); }) == "it was read");
  CHECK(refused([&] { j.within("share", 0, 1); }) == "f.json: share is 1.5, allowed is 0 to 1");
  CHECK(refused([&] { j.within("none", 0, 1); }) == "f.json: none has the value null, wanted is a number");
  CHECK_FALSE(j.figure_within("none", 0, 1));
  CHECK(*j.figure_within("share", 0, 2) == 1.5);
}
