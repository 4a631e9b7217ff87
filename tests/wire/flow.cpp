#include "wire/flow.hpp"

#include <doctest/doctest.h>

#include "tests/engine/fixture.hpp"

using namespace afu;
using wire::Frame;
using wire::Kind;

namespace {

Frame credit(std::uint32_t chunks) {
  Frame frame{Kind::credit, {}};
  wire::append_number(frame.bytes, chunks);
  return frame;
}

}  // namespace

TEST_CASE("a vector goes in chunks, as many as there is credit for, in its place among the frames") {
  wire::Outbox outbox(10, 2);
  outbox.send({wire::Name{1}, std::make_shared<const wire::Bytes>(25, 5)});
  outbox.send({Kind::assignment, {9}});
  std::vector<std::string> kinds;
  std::vector<std::size_t> sizes;
  const auto take = [&] {
    while (auto frame = outbox.next())
      kinds.push_back(wire::to_text(frame->kind)), sizes.push_back(frame->bytes.size());
  };
  take();
  CHECK(kinds == std::vector<std::string>{"vector", "chunk", "chunk"});
  outbox.send_first({Kind::beat, {}});  // what lives need not wait for credit
  take();
  CHECK(kinds.back() == "beat");
  CHECK_FALSE(outbox.empty());
  outbox.take_credit(credit(2));
  take();
  CHECK(kinds == std::vector<std::string>{"vector", "chunk", "chunk", "beat", "chunk", "assignment"});
  CHECK(sizes == std::vector<std::size_t>{40, 10, 10, 0, 5, 1});
  CHECK(outbox.empty());
  CHECK(outbox.vector_bytes() == 25);
}

TEST_CASE("no more credit than there ever was can be given") {
  wire::Outbox outbox(10, 2);
  CHECK_THROWS_WITH_AS(outbox.take_credit(credit(1)), "credit for 1 chunks, allowed: 0", wire::WireError);
  outbox.send({wire::Name{1}, std::make_shared<const wire::Bytes>(10, 5)});
  while (outbox.next()) {
  }
  CHECK_THROWS_AS(outbox.take_credit(credit(0xffffffff)), wire::WireError);
  CHECK_NOTHROW(outbox.take_credit(credit(1)));
}

TEST_CASE("credit comes back in halves of the window, and a chunk without it is an error") {
  wire::Credit given(4);
  for (int i = 0; i < 4; ++i) given.spend();
  CHECK_THROWS_WITH_AS(given.spend(), "a chunk without credit", wire::WireError);
  CHECK_FALSE(given.give_back());
  const auto frame = given.give_back();
  REQUIRE(frame);
  CHECK(frame->bytes == credit(2).bytes);
  CHECK_NOTHROW(given.spend());
  CHECK_NOTHROW(given.spend());
  CHECK_THROWS_AS(given.spend(), wire::WireError);
}

TEST_CASE("what one side sends the other takes, with no more on its way than the window") {
  const auto vector = test::Lane("mlp").initial;
  auto bytes = std::make_shared<const wire::Bytes>(model::to_bytes(vector));
  wire::Outbox outbox(100, 3);
  wire::Credit credit(3);
  wire::Assembly assembly;
  wire::Shelf shelf;
  const auto name = wire::name_of(*bytes);
  outbox.send({name, bytes});
  while (!outbox.empty()) {
    const auto frame = outbox.next();
    REQUIRE(frame);
    if (frame->kind == Kind::chunk) credit.spend();
    if (auto whole = assembly.take(*frame, bytes->size())) shelf.put(whole->name, whole->bytes);
    if (frame->kind == Kind::chunk)
      if (const auto more = credit.give_back()) outbox.take_credit(*more);
  }
  CHECK(model::sha256(shelf.get(name)) == model::sha256(vector));
}
