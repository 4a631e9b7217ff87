/// What the wall clock did, on its way to be done again.
#include "actors/replay.hpp"

#include <doctest/doctest.h>

using namespace afu;
using actors::Replay;
using Kind = Replay::Kind;

namespace {

constexpr record::NodeId client = record::first_client_node, other = client + 1;

Replay::Step step(Kind kind, record::NodeId node, std::uint64_t number = 0) {
  return {1, kind, node, number};
}

actors::Ack ack(record::NodeId from, std::optional<std::uint64_t> timer = {}) {
  actors::Ack a;
  a.from = from;
  a.timer = timer;
  return a;
}

}  // namespace

TEST_CASE(
    "a client gives up the result that it had given up, or of which nobody knows and it got other work") {
  const auto timer = step(Kind::timer, client, 5);
  const auto gives_up = [&](std::vector<Replay::Step> then) {
    then.insert(then.begin(), timer);
    return Replay(std::move(then)).gives_up(timer);
  };
  CHECK_FALSE(gives_up({}));
  CHECK(gives_up({step(Kind::message, client)}));
  CHECK_FALSE(gives_up({step(Kind::message, other), step(Kind::message, record::server_node)}));
  CHECK(gives_up({step(Kind::message, client), step(Kind::given_up, client, 5)}));
  CHECK_FALSE(gives_up({step(Kind::message, client), step(Kind::timer_answer, client, 5)}));
  CHECK_FALSE(gives_up({step(Kind::timer_answer, client, 5), step(Kind::message, client)}));
  CHECK(gives_up(
      {step(Kind::timer, client, 6), step(Kind::timer_answer, client, 6), step(Kind::message, client)}));
}

TEST_CASE("nothing is handed out before a timer is answered that was answered before") {
  const auto timer = step(Kind::timer, client, 5), open = step(Kind::timer, other, 5);
  Replay r({timer, open, step(Kind::timer_answer, client, 5)});
  r.await(open);
  CHECK_FALSE(r.waits());
  r.await(timer);
  CHECK(r.waits());
  r.arrived(ack(other, 5));
  r.arrived(ack(client));
  r.arrived(ack(client, 4));
  CHECK(r.waits());
  r.arrived(ack(client, 5));
  CHECK_FALSE(r.waits());
}

TEST_CASE(
    "an answer is found by whose it is and to what, the first of several; what is left has come since") {
  Replay r({});
  CHECK(r.over());
  const auto to_message = step(Kind::answer, client), to_timer = step(Kind::timer_answer, client, 7);
  CHECK_FALSE(r.answer(to_message));
  for (std::uint64_t i = 1; i <= 2; ++i) {
    auto a = ack(client);
    a.updates = i;
    r.arrived(std::move(a));
  }
  r.arrived(ack(client, 6));
  r.arrived(ack(client, 7));
  r.arrived(ack(other));
  CHECK(r.answer(to_timer)->timer == 7);
  CHECK_FALSE(r.answer(to_timer));
  CHECK(r.answer(to_message)->updates == 1);
  CHECK(r.answer(to_message)->updates == 2);
  CHECK_FALSE(r.answer(to_message));
  CHECK(r.left().size() == 2);
}
