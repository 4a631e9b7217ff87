#include "base/npz_file.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "data/npz.hpp"
#include "tests/record/temporary_folder.hpp"

using namespace afu;
using afu::test::TemporaryFolder;
using afu::test::text_of;

namespace {

const std::vector<float> weights{0.5f, -1.25f, 3e-9f, 7.0f, 0.0f, 1.0f};
const std::vector<std::uint8_t> pixels(std::size_t{2} * 1 * 3 * 4, 200);
const std::vector<std::int64_t> labels{3, -4};

std::vector<base::NpzArray> arrays() {
  return {{"weights", 'f', 4, {6}, weights.data()},
          {"images", 'u', 1, {2, 1, 3, 4}, pixels.data()},
          {"labels", 'i', 8, {2}, labels.data()},
          {"none", 'f', 4, {0}, nullptr}};
}

}  // namespace

TEST_CASE("a written NumPy archive reads back with its types, shapes and values") {
  TemporaryFolder tmp;
  base::write_npz(tmp / "a.npz", arrays());
  const auto read = data::read_npz((tmp / "a.npz").string());
  REQUIRE(read.size() == 4);
  CHECK(read.at("weights").dtype() == "float32");
  CHECK(read.at("weights").shape == std::vector<std::int64_t>{6});
  const auto& bytes = read.at("weights").bytes;
  CHECK(std::vector<std::uint8_t>(reinterpret_cast<const std::uint8_t*>(weights.data()),
                                  reinterpret_cast<const std::uint8_t*>(weights.data() + 6)) == bytes);
  CHECK(read.at("images").dtype() == "uint8");
  CHECK(read.at("images").shape_text() == "(2, 1, 3, 4)");
  CHECK(read.at("images").bytes == pixels);
  CHECK(read.at("labels").integer(1) == -4);
  CHECK(read.at("none").shape_text() == "(0,)");
}

TEST_CASE("the same arrays are the same bytes, and an older archive is replaced in one step") {
  TemporaryFolder tmp;
  base::write_npz(tmp / "a.npz", {{"labels", 'i', 8, {2}, labels.data()}});
  base::write_npz(tmp / "a.npz", arrays());
  base::write_npz(tmp / "b.npz", arrays());
  CHECK(text_of(tmp / "a.npz") == text_of(tmp / "b.npz"));
  CHECK(!std::filesystem::exists(tmp / "a.npz.part"));
}

TEST_CASE("an archive that cannot be written names its file, and leaves nothing beside it") {
  TemporaryFolder tmp;
  CHECK_THROWS_WITH_AS(base::write_npz(tmp / "no/a.npz", arrays()),
                       doctest::Contains(("cannot write '" + (tmp / "no/a.npz").string() + "'").c_str()),
                       std::runtime_error);
  // A file may grow to 4 KiB, as on a disk that is full.
  const std::vector<std::uint8_t> large(1 << 20, 7);
  struct rlimit before;
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small = {4096, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  std::string why;
  try {
    base::write_npz(tmp / "a.npz", {{"large", 'u', 1, {1 << 20}, large.data()}});
  } catch (const std::runtime_error& e) {
    why = e.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(why.find("cannot write '" + (tmp / "a.npz").string() + "': ") == 0);
  CHECK(why.find("File too large") != std::string::npos);
  CHECK(std::filesystem::is_empty(tmp.path()));
}
