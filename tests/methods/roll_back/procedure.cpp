#include <string>

#include "tests/federate/server.hpp"

using namespace afu;
using namespace afu::federate;
using test::Server;

namespace {

const std::string asking =
    "[training]\nrule = \"fedavg\"\n[unlearning]\nmethod = \"roll_back\"\n[[erasure]]\nclient = 0\nat_round = 3\n";

/// Three rounds of four clients, of which the target sends `target` in each, and what is out when it asks.
void rounds_of(Server& s, double target) {
  for (int round = 0; round < 3; ++round)
    for (std::uint32_t c = 0; c < 4; ++c) s.update(c, c == 0 ? target : 4);
  for (std::uint32_t c = 1; c < 4; ++c) s.update(c, 8);
}

}  // namespace

TEST_CASE("roll_back goes back to before the target's first contribution where it may have no share") {
  Server s(asking, {"unlearning.roll_back.share=0"});
  rounds_of(s, 40);
  CHECK(s.server->outcome().erasures.at(0).record.merged_at);
  CHECK(s.model() == doctest::Approx(0));
  for (std::uint32_t c = 1; c < 4; ++c) s.update(c, 2);  // training goes on from there, without the target
  CHECK(s.model() == doctest::Approx(2));
  CHECK(s.server->outcome().erasures.at(0).record.forgotten_at);
  CHECK(s.server->outcome().erasures.at(0).record.updates_lost == 3 * 3 + 3);  // all but the target's
}

TEST_CASE("roll_back for a second target goes to no version that the first one was taken back from") {
  Server s(
      "[training]\nserver_lr = 1\nstaleness = \"constant\"\nweight_by_samples = false\n[unlearning]\nmethod = "
      "\"roll_back\"\n[[erasure]]\nclient = 0\nat_update = 8\n[[erasure]]\nclient = 1\nat_update = 12\n",
      {"unlearning.roll_back.share=0"});
  for (std::uint32_t c : {2, 3, 2, 3}) s.update(c, 1);  // a pseudo-round
  s.update(0, 40);
  for (std::uint32_t c : {2, 3, 2}) s.update(c, 1);  // another one; client 0 asks
  for (std::uint32_t c : {1, 2, 3}) s.update(c, 1);
  CHECK(s.model() == doctest::Approx(4));
  CHECK(s.server->outcome().erasures.at(0).record.updates_lost == 6);
  s.update(2, 1);  // client 1 asks, which has no share in the second pseudo-round: but client 0 has
  s.update(2, 1), s.update(3, 1);
  CHECK(s.server->outcome().erasures.at(1).record.merged_at);
  CHECK(s.model() == doctest::Approx(4));
  CHECK(s.server->outcome().erasures.at(1).record.updates_lost == 3);
}

TEST_CASE("roll_back keeps the last version where the target may have any share") {
  Server s(asking, {"unlearning.roll_back.share=1"});
  rounds_of(s, 0);
  CHECK(s.server->outcome().erasures.at(0).record.merged_at);
  CHECK(s.model() == doctest::Approx(3 * 3 + 8));
  CHECK(s.server->outcome().erasures.at(0).record.updates_lost == 0);
}

TEST_CASE("roll_back: of versions with a share of a quarter and less, the last with no more than allowed") {
  Server s(asking, {"unlearning.roll_back.share=0.2"});
  rounds_of(s, 0);  // shares after the rounds: 3 times 1/4, then 3/16 or less
  CHECK(s.model() == doctest::Approx(3 * 3 + 8));
  Server less(asking, {"unlearning.roll_back.share=0.1"});
  rounds_of(less, 0);
  CHECK(less.model() == doctest::Approx(0));
}
