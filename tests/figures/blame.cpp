/// Critical paths of logs whose paths are known.
#include "figures/blame.hpp"

#include <string>

#include <doctest/doctest.h>

using namespace afu::figures;
using namespace afu::record;
using doctest::Approx;

namespace {

constexpr NodeId client(std::uint32_t k) { return first_client_node + k; }

struct Log {
  std::vector<LogRecord> records;
  /// A whole job: task sent and received, computed, update sent and arrived.
  void job(std::uint32_t c, std::uint64_t number, double sent, double received, double ended, double departed,
           double arrived) {
    records.emplace_back(Event{received, sent, EventType::train_task, server_node, client(c), number});
    records.emplace_back(Event{ended, received, EventType::job_done, client(c), client(c), number});
    records.emplace_back(Event{arrived, departed, EventType::update, client(c), server_node, number});
  }
  void decide(Decision::Kind kind, std::uint32_t c, double t, std::uint64_t version = 0) {
    records.emplace_back(Decision{t, kind, c, version, 0, 0, 1});
  }
};

using Kind = Decision::Kind;

}  // namespace

TEST_CASE("FedAvg: the slowest client is the path, and the others wait for it") {
  const auto log = read_events(std::string(AFU_SOURCE_DIR) + "/tests/golden/fedavg_retrain.jsonl");
  const auto rounds = blame_rounds(log, 0);
  REQUIRE(rounds.size() >= 4);
  // Client 2: 0.5 s down, 4 s of computing, 0.5 s up; client 0 is back after 2 s, client 1 after 3 s.
  for (std::size_t i : {0u, 1u}) {
    CHECK(rounds[i].client == 2);
    CHECK(rounds[i].end - rounds[i].begin == Approx(5));
    CHECK(rounds[i].path.compute == Approx(4));
    CHECK(rounds[i].path.link == Approx(1));
    CHECK(rounds[i].path.queue + rounds[i].path.barrier + rounds[i].path.stall == Approx(0));
    CHECK(rounds[i].others_waited == Approx(3 + 2));
  }
  CHECK(rounds[2].others_waited == Approx(2));  // without the client that asked
  CHECK(retained_clients(log) == 2);
  for (const auto& r : rounds) CHECK(r.path.total() == Approx(r.end - r.begin));
}

TEST_CASE("asynchronous: the path follows a client's own jobs back, a round being two updates") {
  Log log;
  log.job(0, 1, 0, 1, 3, 3.5, 4);  // link 1, compute 2, queue 0.5, link 0.5
  log.decide(Kind::merged, 0, 4, 1);
  log.job(0, 2, 4, 5, 8, 8, 9);  // link 1, compute 3, link 1
  log.decide(Kind::merged, 0, 9, 2);
  const auto rounds = blame_rounds(log.records, 2);
  REQUIRE(rounds.size() == 1);
  CHECK(rounds[0].end == 9);
  CHECK(rounds[0].path.link == Approx(3.5));
  CHECK(rounds[0].path.compute == Approx(5));
  CHECK(rounds[0].path.queue == Approx(0.5));
  CHECK(rounds[0].others_waited == 0);  // nobody waits for anybody
}

TEST_CASE("a path is cut at its round's begin") {
  Log log;
  log.job(0, 1, 0, 0, 2, 2, 2);
  log.decide(Kind::merged, 0, 2, 1);
  log.job(1, 1, 0, 0, 5, 5, 6);
  log.decide(Kind::merged, 1, 6, 2);
  const auto rounds = blame_rounds(log.records, 1);
  REQUIRE(rounds.size() == 2);
  CHECK(rounds[1].client == 1);
  CHECK(rounds[1].path.compute == Approx(3));  // of five seconds of computing
  CHECK(rounds[1].path.link == Approx(1));
  CHECK(rounds[1].path.total() == Approx(4));
}

TEST_CASE("a halt is the erasure's, and only where nothing was under way") {
  Log log;
  log.job(0, 1, 0, 0, 2, 2, 3);
  log.decide(Kind::merged, 0, 3, 1);
  log.decide(Kind::halted, 0, 2.5);  // the job above drains into it
  log.decide(Kind::resumed, 0, 7);
  log.job(0, 2, 7.5, 8, 9, 9, 10);
  log.decide(Kind::merged, 0, 10, 2);
  const auto rounds = blame_rounds(log.records, 1);
  REQUIRE(rounds.size() == 2);
  CHECK(rounds[0].path.stall == 0);
  CHECK(rounds[1].path.stall == Approx(4));    // 3 to 7
  CHECK(rounds[1].path.queue == Approx(0.5));  // 7 to 7.5
  CHECK(rounds[1].path.compute == Approx(1));
  CHECK(rounds[1].path.link == Approx(1.5));
}

TEST_CASE("an update that lay in the buffer is the barrier's; a lost job is time on the path") {
  Log log;
  log.job(0, 1, 0, 0, 1, 1, 2);
  log.decide(Kind::buffered, 0, 2);
  // Client 1 gets its task when nothing arrives: the buffered update was the last thing that had.
  log.records.emplace_back(Event{5, 4, EventType::train_task, server_node, client(1), 1});
  log.records.emplace_back(Event{8, 7, EventType::dropped, client(1), server_node, 1});
  log.job(1, 2, 8, 8, 9, 9, 10);
  log.decide(Kind::buffered, 1, 10);
  log.decide(Kind::merged, 0, 10, 1);
  log.decide(Kind::merged, 1, 10, 1);
  const auto rounds = blame_rounds(log.records, 0);
  REQUIRE(rounds.size() == 1);
  const auto& p = rounds[0].path;
  CHECK(rounds[0].client == 1);
  CHECK(p.barrier == Approx(2));           // 2 to 4
  CHECK(p.compute == Approx(1 + 2 + 1));   // 0 to 1, lost 5 to 7, 8 to 9
  CHECK(p.link == Approx(1 + 1 + 1 + 1));  // up 1 to 2, down 4 to 5, notice 7 to 8, up 9 to 10
  CHECK(p.total() == Approx(10));
  CHECK(rounds[0].others_waited == Approx(8));
}

TEST_CASE("halts: one still open ends with the log") {
  Log log;
  log.decide(Kind::halted, 0, 1);
  log.decide(Kind::resumed, 0, 2);
  log.decide(Kind::halted, 0, 5);
  log.decide(Kind::diverged, 0, 9);
  const auto halts = halts_of(log.records);
  REQUIRE(halts.size() == 2);
  CHECK(halts[0].end == 2);
  CHECK(halts[1].begin == 5);
  CHECK(halts[1].end == 9);
  CHECK(blame_rounds({}, 3).empty());
}
