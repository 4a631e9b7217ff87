#include "data/pixels.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <stdexcept>
#include <utility>

#include "tests/data/support.hpp"

using namespace afu;
using namespace afu::test;
using data::Mapping;
using data::Pixels;
using Bytes = std::vector<std::uint8_t>;

namespace {

int open_file(const std::string& path) { return ::open(path.c_str(), O_RDWR | O_CLOEXEC); }

}  // namespace

TEST_CASE("pixels in memory are as a vector has them") {
  Pixels p{1, 2, 3};
  p.push_back(4);
  p.insert(p.begin() + 1, 2, 9);
  const Bytes more{7, 8};
  p.insert(p.end(), more.begin(), more.end());
  CHECK(p == Pixels(Bytes{1, 9, 9, 2, 3, 4, 7, 8}));
  p.resize(2);
  p.resize(3);
  CHECK(p == Pixels{1, 9, 0});
  const Pixels copy = p;
  const Pixels moved = std::move(p);
  CHECK(copy == moved);
  CHECK(copy.data() != moved.data());
  Pixels fives;
  fives.assign(2, 5);
  CHECK(fives == Pixels{5, 5});
  CHECK(fives.mapping() == nullptr);
}

TEST_CASE("a private mapping has room behind the file, and nothing of it reaches the file") {
  TempFolder folder;
  const std::string content = std::string(4096, 'h') + "abc" + "tail";
  write_file(folder / "f", content);
  const auto first = Mapping::private_of(open_file(folder / "f"), 4096, 3, 0);
  const auto own = first->own_copy(3, 10000);
  Pixels p(own, own->begin(), 3, 10003);
  CHECK(p == Pixels(Bytes{'a', 'b', 'c'}));
  p[0] = 'x';
  p.resize(10003);  // over what stands behind in the file's page
  CHECK(p[3] == 0);
  CHECK(p.back() == 0);
  p.back() = 'z';
  CHECK(first->begin()[0] == 'a');
  CHECK(file_bytes(folder / "f") == content);
  CHECK_THROWS_AS(p.push_back(1), std::length_error);
  const Pixels copy = p;
  CHECK(copy.mapping() == nullptr);
  CHECK(copy == p);

  {
    const auto shared = Mapping::shared(open_file(folder / "f"), 4096, 3);
    shared->begin()[1] = 'Y';
  }
  CHECK(file_bytes(folder / "f").substr(4096) == "aYctail");
}
