/// Leases: one holder at a time, whoever dies, sleeps or comes late.
#include "record/lease.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "record/run_folder.hpp"
#include "temporary_folder.hpp"

using afu::record::Leases;
using afu::test::TemporaryFolder;

namespace {

constexpr int patience = 3;

struct Two {
  TemporaryFolder tmp;
  Leases a{tmp / "leases", "a", patience}, b{tmp / "leases", "b", patience};
};

}  // namespace

TEST_CASE("a lease has one holder, and is free again once it has ended") {
  Two t;
  std::string from = "not written";
  REQUIRE(t.a.take("seed-1", &from));
  CHECK(from.empty());
  CHECK(t.a.take("seed-1"));  // it has it already
  CHECK_FALSE(t.b.take("seed-1"));
  REQUIRE(t.b.held().size() == 1);
  CHECK(t.b.held()[0].holder == "a");
  CHECK_FALSE(t.b.held()[0].mine);
  CHECK(t.b.take("seed-2"));
  t.a.end("seed-1");
  CHECK(t.a.has_ended("seed-1"));
  CHECK(t.a.held().size() == 1);  // seed-2, which b holds
  CHECK(t.b.take("seed-1"));
  t.a.end("seed-1");  // is b's by now
  CHECK_FALSE(t.a.take("seed-1"));
}

TEST_CASE("who beats is never taken for dead, who does not is after so many turns of the other") {
  Two t;
  REQUIRE(t.a.take("g"));
  for (int i = 0; i < 4 * patience; ++i) {
    t.a.beat();
    t.b.beat();
    CHECK_FALSE(t.b.take("g"));
  }
  for (int i = 1; i < patience; ++i) {
    t.b.beat();
    CHECK_FALSE(t.b.take("g"));
  }
  t.b.beat();
  CHECK(t.b.held()[0].dead);
  std::string from;
  CHECK(t.b.take("g", &from));
  CHECK(from == "a");
  // The one that was only away learns of it, once, and does not spoil what the other has.
  CHECK(t.a.lost().empty());
  t.a.beat();
  CHECK(t.a.lost() == std::vector<std::string>{"g"});
  CHECK(t.a.lost().empty());
  t.a.end("g");
  t.b.beat();
  CHECK(t.b.lost().empty());
  CHECK(t.b.held()[0].mine);
}

TEST_CASE("a turn of an observer that comes late counts once, and a sign of life begins the count anew") {
  Two t;
  REQUIRE(t.a.take("g"));
  t.b.beat();
  t.b.beat();
  t.a.beat();
  t.b.beat();
  t.b.beat();
  CHECK_FALSE(t.b.held()[0].dead);
  Leases late(t.tmp / "leases", "c", patience);
  CHECK_FALSE(late.held()[0].dead);
}

TEST_CASE("what is left is free, and has not ended") {
  Two t;
  REQUIRE(t.a.take("g"));
  t.b.beat();
  CHECK_FALSE(t.b.is_free("g"));
  t.a.leave("g");
  t.b.beat();
  CHECK(t.b.is_free("g"));
  CHECK(t.b.held().empty());
  CHECK_FALSE(t.b.has_ended("g"));
  CHECK(t.b.is_free("never taken"));
  std::string from = "not written";
  CHECK(t.b.take("g", &from));
  CHECK(from.empty());
  CHECK_FALSE(t.b.is_free("g"));
}

TEST_CASE("what ended before somebody came is no reason for him not to try again") {
  Two t;
  REQUIRE(t.a.take("g"));
  t.a.end("g");
  Leases later(t.tmp / "leases", "c", patience);
  CHECK_FALSE(later.has_ended("g"));
  REQUIRE(later.take("g"));
  later.end("g");
  CHECK(later.has_ended("g"));
}

TEST_CASE("of many that want the same at once one gets it") {
  TemporaryFolder tmp;
  constexpr int rivals = 8, names = 50;
  std::vector<std::vector<int>> won(rivals, std::vector<int>(names, 0));
  std::vector<std::thread> threads;
  std::atomic<int> ready{0};
  for (int r = 0; r < rivals; ++r)
    threads.emplace_back([&, r] {
      Leases mine(tmp / "leases", std::to_string(r), patience);
      ++ready;
      while (ready < rivals) std::this_thread::yield();
      for (int n = 0; n < names; ++n) won[r][n] = mine.take("n" + std::to_string(n)) ? 1 : 0;
    });
  for (auto& t : threads) t.join();
  for (int n = 0; n < names; ++n) {
    int holders = 0;
    for (int r = 0; r < rivals; ++r) holders += won[r][n];
    CHECK(holders == 1);
  }
}

TEST_CASE("files that are no leases, and a folder that cannot be made") {
  TemporaryFolder tmp;
  std::filesystem::create_directories(tmp / "leases");
  for (const char* name : {"notes.txt", ".1", "g.0", "g.-1", "g.1x", "g.99999999999999999999"})
    afu::test::write_text(tmp / "leases" / name, "x");
  Leases a(tmp / "leases", "a", patience);
  CHECK(a.held().empty());
  REQUIRE(a.take("g"));
  CHECK(std::filesystem::exists(tmp / "leases/g.1"));
  // Of one that was created and not written yet nobody knows who holds it; somebody does.
  afu::test::write_text(tmp / "leases/h.1", "");
  CHECK_FALSE(a.take("h"));
  afu::test::write_text(tmp / "file", "");
  Leases nowhere(tmp / "file", "a", patience);
  CHECK(nowhere.held().empty());
  CHECK_THROWS_AS(nowhere.take("g"), afu::record::RunFolderError);
}
