#include "base/table_file.hpp"

#include <doctest/doctest.h>

#include "base/input_error.hpp"
#include "tests/data/support.hpp"

using namespace afu;
using base::parse_table;
using Cells = std::vector<std::string>;

namespace {

std::string refusal(const std::string& text) {
  return test::message_of<InputError>([&] { parse_table(text, "t.csv"); });
}

}  // namespace

TEST_CASE("cells, quotes and lines are those of the file") {
  const auto t = parse_table(
      "\xEF\xBB\xBFpath, label ,note\r\na.png,x,\"one, \"\"two\"\"\nlines\"\r\n\r\n b.png ,, \n", "t.csv");
  CHECK(t.header == Cells{"path", "label", "note"});
  REQUIRE(t.rows.size() == 2);
  CHECK(t.rows[0].line == 2);
  CHECK(t.rows[0].cells == Cells{"a.png", "x", "one, \"two\"\nlines"});
  CHECK(t.rows[1].line == 5);
  CHECK(t.rows[1].cells == Cells{"b.png", "", ""});
  CHECK(t.column("label") == 1);
  CHECK_FALSE(t.column("site"));
}

TEST_CASE("the header tells what separates") {
  CHECK(parse_table("a\tb\n1,5\t2 3\n", "t").rows[0].cells == Cells{"1,5", "2 3"});
  CHECK(parse_table("a;b\n1,5;2\n", "t").rows[0].cells == Cells{"1,5", "2"});
  CHECK(parse_table("a\n1,5\n", "t").rows[0].cells == Cells{"1", "5"});
  CHECK(parse_table("a,b\n1,", "t").rows[0].cells == Cells{"1", ""});
  CHECK(parse_table("a\tb\n\tx\n", "t").rows[0].cells == Cells{"", "x"});
}

TEST_CASE("what is no table is refused by its line") {
  CHECK(refusal("") == "t.csv: is empty, a header is expected");
  CHECK(refusal("a,a\n") == "t.csv:1: two columns are called \"a\"");
  CHECK(refusal("a,,b\n") == "t.csv:1: column 2 of the header has no name");
  CHECK(refusal("a,b\n1,2\n\"3,4\n") == "t.csv:3: a quote that begins here is not closed");
  CHECK(refusal("a,b\n\"3\"x,4\n") == "t.csv:2: text behind a closed quote");
  const std::string allowed = ", allowed is a table as text in UTF-8 (.csv, .tsv)";
  CHECK(refusal(std::string("a\0b\n", 4)) == "t.csv: is a binary file" + allowed);
  CHECK(refusal(std::string("\xFF\xFE"
                            "a\0,\0b\0\n\0",
                            10)) == "t.csv: is text in UTF-16" + allowed);
  CHECK(refusal(std::string("\xFE\xFF\0a\0\n", 6)) == "t.csv: is text in UTF-16" + allowed);
}

TEST_CASE("what is written as a cell is read as it was") {
  for (const std::string text :
       {"plain", "", "with, comma", "\"quoted\"", "two\nlines", " blanks ", "a;b", "tab\there"}) {
    const auto t = parse_table("x,y\n" + base::table_cell(text) + ",end\n", "t");
    REQUIRE(t.rows.size() == 1);
    CHECK(t.rows[0].cells == Cells{text, "end"});
  }
  CHECK(base::table_cell("plain") == "plain");
}
