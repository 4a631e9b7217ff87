#include "data/npz.hpp"

#include <doctest/doctest.h>

#include "data/dataset.hpp"
#include "tests/data/support.hpp"

using namespace afu;
using namespace afu::test;
using data::DataError;

namespace {

data::NpyArray read_one(const std::string& member, bool deflate = true) {
  TempFolder folder;
  const auto path = folder / "a.npz";
  write_zip(path, {{"x.npy", member, deflate}});
  return data::read_npz(path).at("x");
}

std::string refusal(const std::string& member) {
  return message_of<DataError>([&] { read_one(member); });
}

}  // namespace

TEST_CASE("stored and deflated members of every header version are read") {
  const std::string bytes = "abcdef";
  for (bool deflate : {false, true})
    for (int version : {1, 2, 3}) {
      const auto a = read_one(npy("|u1", "(2, 3)", bytes, false, version), deflate);
      CHECK(a.shape == std::vector<std::int64_t>{2, 3});
      CHECK(a.dtype() == "uint8");
      CHECK(std::string(a.bytes.begin(), a.bytes.end()) == bytes);
    }
}

TEST_CASE("Fortran order becomes C order") {
  // A[i][j][k] = 100 i + 10 j + k, written with the first index fastest.
  std::vector<std::int16_t> fortran;
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i) fortran.push_back(static_cast<std::int16_t>(100 * i + 10 * j + k));
  const auto a = read_one(npy("<i2", "(2, 3, 4)", raw(fortran), true));
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 4; ++k) CHECK(a.integer((i * 3 + j) * 4 + k) == 100 * i + 10 * j + k);
}

TEST_CASE("integers keep their sign and their range") {
  CHECK(read_one(npy("|i1", "(1,)", raw(std::vector<std::int8_t>{-1}))).integer(0) == -1);
  CHECK(read_one(npy("<i4", "(2,)", raw(std::vector<std::int32_t>{7, -70000}))).integer(1) == -70000);
  CHECK(read_one(npy("<u2", "(1,)", raw(std::vector<std::uint16_t>{65535}))).integer(0) == 65535);
  CHECK(read_one(npy("<i8", "(1,)", raw(std::vector<std::int64_t>{-5}))).integer(0) == -5);
  const auto big = read_one(npy("<u8", "(1,)", raw(std::vector<std::uint64_t>{1ull << 63})));
  CHECK_THROWS_AS(big.integer(0), std::range_error);
}

TEST_CASE("scalars, empty arrays and headers in other spellings are read") {
  CHECK(read_one(npy("<i4", "()", raw(std::vector<std::int32_t>{3}))).size() == 1);
  const auto empty = read_one(npy("<f4", "(0, 28, 28)", ""));
  CHECK(empty.size() == 0);
  CHECK(empty.shape_text() == "(0, 28, 28)");
  const auto odd = read_one(npy("{\"shape\":(3L,),\"fortran_order\":False , 'descr' : '|u1'}   ", "xyz"));
  CHECK(odd.shape_text() == "(3,)");
}

TEST_CASE("a damaged header is refused with the member's name") {
  CHECK(contains(refusal("no array at all"), "a.npz: member 'x.npy': not a .npy array"));
  CHECK(contains(refusal("\x93NUM"), "too short"));
  CHECK(contains(refusal(npy("|u1", "(1,)", "x", false, 4)), "version 4.0"));
  CHECK(contains(refusal(npy("{'descr': '|u1', 'shape': (1,)}", "x")), "missing"));
  CHECK(contains(refusal(npy("{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", "x")),
                 "twice"));
  CHECK(contains(refusal(npy("{'descr': '|u1', 'fortran_order': 0, 'shape': (1,)}", "x")), "fortran_order"));
  CHECK(contains(refusal(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}", "x")), "dimension"));
  CHECK(contains(refusal(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} x", "x")), "after"));
  CHECK(contains(refusal(npy("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (1,)}", "x")),
                 "structured"));
}

TEST_CASE("other dtypes are refused by name") {
  for (const char* descr : {">i4", "|O", "<U5", "<c8", "|i4", "<i3", "<f16", "|S1", "<M8[ns]", "", "u1"})
    CHECK(contains(refusal(npy(descr, "(1,)", "12345678")), fmt::format("dtype '{}'", descr)));
}

TEST_CASE("a shape that does not fit its bytes is refused, however large") {
  CHECK(contains(refusal(npy("|u1", "(4,)", "abc")), "needs 4 bytes, the member holds 3"));
  CHECK(contains(refusal(npy("|u1", "(2,)", "abc")), "needs 2 bytes, the member holds 3"));
  CHECK(contains(refusal(npy("|u1", "(4294967296, 4294967296)", "abc")), "too large"));
  CHECK(contains(refusal(npy("<i8", "(2305843009213693952,)", "abc")), "too large"));
  CHECK(contains(refusal(npy("|u1", "(99999999999999999999,)", "abc")), "too large"));
  std::string many = "(";
  for (int i = 0; i < 40; ++i) many += "1,";
  CHECK(contains(refusal(npy("|u1", many + ")", "a")), "dimensions"));
}

TEST_CASE("limits hold before anything is unpacked") {
  TempFolder folder;
  const auto path = folder / "big.npz";
  write_zip(path, {{"a.npy", npy("|u1", "(1000,)", std::string(1000, 'x'))},
                   {"b.npy", npy("|u1", "(1000,)", std::string(1000, 'x'))}});
  data::NpzLimits limits;
  limits.max_bytes = 1500;
  CHECK(contains(message_of<DataError>([&] { data::read_npz(path, {}, limits); }), "member 'b.npy'"));
  CHECK(data::read_npz(path, {"b"}, limits).size() == 1);
  limits.max_members = 1;
  CHECK(contains(message_of<DataError>([&] { data::read_npz(path, {"b"}, limits); }), "2 members"));
}

TEST_CASE("a member that claims more than deflate can hold is refused") {
  TempFolder folder;
  const auto path = folder / "bomb.npz";
  write_zip(path, {{"x.npy", npy("|u1", "(16,)", std::string(16, 'x'))}});
  auto bytes = file_bytes(path);
  // The unpacked size in the central directory: 24 bytes after its signature.
  const auto entry = bytes.find("PK\x01\x02");
  REQUIRE(entry != std::string::npos);
  const std::uint32_t claim = 3'000'000'000u;
  std::memcpy(&bytes[entry + 24], &claim, 4);
  const auto what =
      message_of<DataError>([&] { data::read_npz_bytes(bytes.data(), bytes.size(), "bomb.npz"); });
  CHECK(contains(what, "bomb.npz: member 'x.npy': "));
}

TEST_CASE("cut and altered archives are refused, never read wrongly") {
  TempFolder folder;
  const auto path = folder / "x.npz";
  std::string noise;
  for (int i = 0; i < 3000; ++i) noise += static_cast<char>((i * 2654435761u) >> 13);
  write_zip(path, {{"x.npy", npy("|u1", "(3000,)", noise)}, {"y.npy", npy("|u1", "(3000,)", noise), false}});
  const auto good = file_bytes(path);
  const auto whole = data::read_npz_bytes(good.data(), good.size(), "x.npz");
  CHECK(whole.size() == 2);
  for (std::size_t n = 0; n < good.size(); n += 7)
    CHECK(contains(message_of<DataError>([&] { data::read_npz_bytes(good.data(), n, "cut.npz"); }),
                   "cut.npz: "));
  write_file(folder / "cut.npz", std::string(good.begin(), good.end() - 30));
  CHECK(contains(message_of<DataError>([&] { data::read_npz(folder / "cut.npz"); }), ": it may be cut off"));
  CHECK(
      contains(message_of<DataError>([&] { data::read_npz_bytes(good.data(), good.size() / 2, "cut.npz"); }),
               ": it may be cut off"));
  int refused = 0, tried = 0;
  for (std::size_t at = 0; at < good.size(); at += 11) {
    auto bad = good;
    ++tried;
    bad[at] = static_cast<char>(bad[at] ^ 0x5a);
    try {
      const auto arrays = data::read_npz_bytes(bad.data(), bad.size(), "bad.npz");
      // Dates, attributes and the like may change; what was read must not.
      for (const auto& [name, a] : arrays) CHECK(a.bytes == whole.at("x").bytes);
    } catch (const DataError&) {
      ++refused;
    }
  }
  CHECK(refused * 10 > tried * 8);
}

TEST_CASE("what is no archive is refused with its name") {
  TempFolder folder;
  CHECK(contains(message_of<DataError>([&] { data::read_npz(folder / "none.npz"); }), "none.npz: "));
  write_file(folder / "text.npz", "hello");
  CHECK(contains(message_of<DataError>([&] { data::read_npz(folder / "text.npz"); }), "text.npz: "));
  write_file(folder / "empty.npz", "");
  CHECK(contains(message_of<DataError>([&] { data::read_npz(folder / "empty.npz"); }), "empty.npz: "));
  write_zip(folder / "readme.npz", {{"readme.txt", "hello"}});
  CHECK(
      contains(message_of<DataError>([&] { data::read_npz(folder / "readme.npz"); }), "member 'readme.txt'"));
}
