#include "wire/session.hpp"

#include <doctest/doctest.h>

#include "base/random.hpp"

using namespace afu;
using wire::Offer;

namespace {

Offer offer() {
  Offer o;
  o.host = "gpu1";
  o.revision = "abc";
  o.libraries = {{"afu", "0.1.0 (abc)"}, {"LibTorch", "1.13.1"}, {"BLAS", "OpenBLAS Haswell"}};
  o.devices = {{"cpu", "Xeon", 1 << 30}};
  o.pool = "d1";
  o.lanes = 4;
  return o;
}

}  // namespace

TEST_CASE("sessions and offers travel, and what is none is refused") {
  const auto back = wire::offer_from(wire::to_frame(offer()));
  CHECK(back.host == "gpu1");
  CHECK((back.libraries == offer().libraries));
  CHECK(back.devices.at(0).memory_bytes == 1 << 30);
  CHECK(back.lanes == 4);
  const auto session =
      wire::session_from(wire::to_frame(wire::Session{"abc", "s.toml", "[training]\n", "d1", 2}));
  CHECK(session.file == "s.toml");
  CHECK(session.scenario == "[training]\n");
  CHECK(session.batched_clients == 2);
  CHECK_THROWS_AS(wire::offer_from(wire::to_frame(session)), wire::WireError);
  CHECK_THROWS_AS(wire::session_from({wire::Kind::session, {}}), wire::WireError);
  auto none = offer();
  none.lanes = 0;
  CHECK_THROWS_WITH_AS(wire::offer_from(wire::to_frame(none)), "an offer of 0 lanes, allowed: 1 to 4096",
                       wire::WireError);
}

TEST_CASE("a node of another program or with other data is of no use, in words") {
  auto node = offer();
  CHECK(wire::why_unusable(offer(), node).empty());
  node.revision = "def";
  CHECK(wire::why_unusable(offer(), node) == "its afu is of revision def, the run's of abc");
  node = offer();
  node.pool = "d2";
  CHECK(wire::why_unusable(offer(), node) == "its data are others: content key d2, the run's d1");
}

TEST_CASE(
    "where results may be other bytes is told, and no processor is another where nothing binds them to it") {
  auto node = offer();
  node.devices = {{"cpu", "EPYC", 1}, {"cpu", "EPYC", 1}};
  node.libraries[2].second = "OpenBLAS Zen";
  CHECK(wire::why_other_bytes(offer(), node).empty());
  node.libraries[1].second = "2.0.0";
  CHECK(wire::why_other_bytes(offer(), node) == "its LibTorch is 2.0.0, the run's 1.13.1");
  node = offer();
  node.devices = {{"cuda:0", "H100", 1}};
  CHECK(wire::why_other_bytes(offer(), node) == "it computes on H100, the run on CPU");
  node = offer();
  node.libraries.pop_back();
  node.bound_to_processor = "LibTorch's functions are MKL's";
  CHECK(wire::why_other_bytes(offer(), node) == "its BLAS is none, the run's OpenBLAS Haswell");
}
