#pragma once
/// What a case says that cannot be played for want of data. Such a case is in the suite "data".
#include <doctest/doctest.h>

#include <string>

namespace afu::test {

inline int& skipped() {
  static int count = 0;
  return count;
}

inline void skip(const std::string& why) {
  ++skipped();
  MESSAGE("skipped: " << why);
}

}  // namespace afu::test
