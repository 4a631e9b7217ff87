#include "wire/vectors.hpp"

#include <algorithm>

#include "base/random.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using wire::Frame;
using wire::Kind;

namespace {

model::ParametersPtr copy_of(const model::ParametersPtr& v) { return model::from_bytes(model::to_bytes(v)); }

model::ParametersPtr other_than(const model::ParametersPtr& v) {
  auto changed = std::make_shared<model::ParameterVector>(*v);
  changed->values = v->values + 1;
  return changed;
}

}  // namespace

TEST_CASE("a vector is sent once a connection, under whatever pointers it is held") {
  const auto initial = test::Lane("logreg").initial;
  wire::PeerVectors peer;
  const auto named = peer.name(initial);
  REQUIRE(named.bytes);
  CHECK(*named.bytes == model::to_bytes(initial));
  CHECK_FALSE(peer.name(initial).bytes);
  const auto copy = copy_of(initial);
  CHECK(peer.name(copy).name == named.name);
  CHECK_FALSE(peer.name(copy).bytes);
  const auto other = other_than(initial);
  CHECK(peer.name(other).name != named.name);
}

TEST_CASE("the peer forgets a vector when its last pointer is gone, and is sent it anew after that") {
  auto initial = test::Lane("logreg").initial;
  const auto bytes = model::to_bytes(initial);
  const auto name = wire::name_of(bytes);
  auto copy = copy_of(initial);
  wire::PeerVectors peer;
  peer.name(initial), peer.name(copy), peer.name(copy);
  CHECK(peer.take_gone().empty());
  initial.reset();
  CHECK(peer.take_gone().empty());
  copy.reset();
  CHECK((peer.take_gone() == std::vector<wire::Name>{name}));
  CHECK(peer.take_gone().empty());
  CHECK(peer.name(model::from_bytes(bytes)).bytes);
}

TEST_CASE("a vector in the memory of one that is gone is another one") {
  const auto initial = test::Lane("logreg").initial;
  wire::PeerVectors peer;
  std::vector<wire::Name> sent, gone;
  for (int i = 0; i < 20; ++i) {  // each in the place of the one before, as allocators have it
    auto vector = std::make_shared<model::ParameterVector>(*initial);
    vector->values = initial->values + i;
    const auto named = peer.name(vector);
    CHECK(named.name == wire::name_of(model::to_bytes(vector)));
    CHECK(named.bytes);
    sent.push_back(named.name);
  }
  gone = peer.take_gone();
  std::sort(sent.begin(), sent.end()), std::sort(gone.begin(), gone.end());
  CHECK((gone == sent));
}

TEST_CASE("the shelf keeps what came, holds it against its name, and forgets") {
  const auto initial = test::Lane("logreg").initial;
  auto bytes = model::to_bytes(initial);
  const auto name = wire::name_of(bytes);
  wire::Shelf shelf;
  CHECK(model::sha256(shelf.put(name, bytes)) == model::sha256(initial));
  CHECK(model::sha256(shelf.get(name)) == model::sha256(initial));
  shelf.forget(name);
  CHECK_THROWS_WITH_AS(shelf.get(name),
                       ("vector " + wire::to_text(name) + " is named and was not sent").c_str(),
                       wire::WireError);
  auto other = name;
  other[0] ^= 1;
  CHECK_THROWS_AS(shelf.put(other, bytes), wire::WireError);
  bytes[bytes.size() / 2] ^= 1;
  CHECK_THROWS_AS(shelf.put(name, bytes), wire::WireError);
  CHECK_THROWS_AS(shelf.put(name, {1, 2}), wire::WireError);
  CHECK(shelf.size() == 0);
}

TEST_CASE("names as text and back") {
  wire::Name name{};
  for (std::size_t i = 0; i < name.size(); ++i) name[i] = static_cast<std::uint8_t>(i * 9);
  CHECK(wire::name_from(wire::to_text(name)) == name);
  CHECK_THROWS_AS(wire::name_from("ab"), wire::WireError);
  CHECK_THROWS_AS(wire::name_from(std::string(64, 'G')), wire::WireError);
  CHECK((wire::names_to_forget(wire::forgetting({name, {}})) == std::vector<wire::Name>{name, {}}));
  CHECK_THROWS_AS(wire::names_to_forget({Kind::forget, wire::Bytes(33)}), wire::WireError);
}

TEST_CASE("a vector is put together from its chunks, and from nothing else") {
  const wire::Name name{7};
  const auto chunk = [](std::size_t size) { return Frame{Kind::chunk, wire::Bytes(size, 1)}; };
  wire::Assembly assembly;
  CHECK_THROWS_WITH_AS(assembly.take(chunk(1), 100), "a chunk of no vector", wire::WireError);
  CHECK_THROWS_AS(assembly.take(wire::announcement(name, 0), 100), wire::WireError);
  CHECK_THROWS_AS(assembly.take(wire::announcement(name, 101), 100), wire::WireError);
  CHECK_FALSE(assembly.take(wire::announcement(name, 100), 100));
  CHECK_FALSE(assembly.take(chunk(60), 100));
  CHECK_THROWS_AS(assembly.take(chunk(41), 100), wire::WireError);
  CHECK_THROWS_AS(assembly.take(chunk(0), 100), wire::WireError);
  CHECK_THROWS_AS(assembly.take(wire::announcement(name, 5), 100), wire::WireError);
  const auto whole = assembly.take(chunk(40), 100);
  REQUIRE(whole);
  CHECK(whole->name == name);
  CHECK(whole->bytes == wire::Bytes(100, 1));
  CHECK_THROWS_AS(assembly.take(chunk(1), 100), wire::WireError);
}
