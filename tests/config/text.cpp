#include "config/text.hpp"

#include <doctest/doctest.h>

using namespace afu::config;

TEST_CASE("text for a terminal has no character that steers it") {
  CHECK(printable("plain, größer, 影 and 🙂") == "plain, größer, 影 and 🙂");
  CHECK(printable("\x1b[31mred\x07") == "\\x1b[31mred\\x07");
  CHECK(printable("a\nb\tc") == "a\nb\tc");
  CHECK(printable("a\nb\rc", true) == "a\\x0ab\\x0dc");
  CHECK(printable("\xc2\x9b"
                  "31m\x7f") == "\\x9b31m\\x7f");  // CSI as one character
  CHECK(printable("\xe2\x80\xae"
                  "txt.exe") == "\\u202etxt.exe");  // written from right to left
  CHECK(printable("\xe2\x81\xa6\xe2\x80\xa8") == "\\u2066\\u2028");
  CHECK(printable("\xff\xc3(\xe2\x82") == "\\xff\\xc3(\\xe2\\x82");         // no UTF-8
  CHECK(printable("\xc0\xaf\xed\xa0\x80") == "\\xc0\\xaf\\xed\\xa0\\x80");  // overlong, half a pair
}

TEST_CASE("a folder's name is no option, no path and no line") {
  for (const char* name : {"a", "A-1_b.c", "2024"}) CHECK(is_folder_name(name));
  for (const char* name :
       {"", "-rf", "--force", ".", "..", ".hidden", "a/b", "a\\b", "a b", "a\nb", "\x1b[31m", "ä"}) {
    CAPTURE(name);
    CHECK_FALSE(is_folder_name(name));
  }
  CHECK(no_folder_name("-rf") ==
        "\"-rf\" is no folder's name, allowed are letters, digits, '-', '_' and '.', the first neither '-' "
        "nor '.'");
}

TEST_CASE("a job is named by its client and its number, and by nothing else") {
  CHECK(job_named("3/12") == std::pair<std::uint32_t, std::uint64_t>(3, 12));
  CHECK(job_named("0/18446744073709551615")->second == 18446744073709551615ull);
  for (const char* none :
       {"", "3", "3/", "/12", "3/12/1", "3 /12", "3/ 12", "-3/12", "3/-1", "a/1", "3/1x", "4294967296/1"})
    CHECK_FALSE(job_named(none));
}
