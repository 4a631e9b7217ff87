// Whom a request waits for, known while it waits; on the server without actors.
#include "federate/waiting.hpp"

#include <string>

#include "server.hpp"

using namespace afu;
using namespace afu::federate;
using test::Server;

namespace {

const std::string blocking = "[unlearning]\nmethod = \"fedosd\"\n[unlearning.fedosd]\nrounds = 3\n";
const std::string asks = "[[erasure]]\nclient = 0\nat_update = 1\n";

std::string waited_for(const Server& s) { return s.server->waited_for(); }

}  // namespace

TEST_CASE("a blocking request names who still has work that all were halted for, then who computes for it") {
  Server s(blocking + asks, {}, false, {test::rows(0, 1)});
  CHECK(waited_for(s) == "");
  s.update(1, 1);
  CHECK(waited_for(s) == "erasure[0] waits for client/1, client/2, client/3");
  s.update(2, 0);
  CHECK(waited_for(s) == "erasure[0] waits for client/1, client/3");
  s.update(3, 0);
  s.update(1, 0);
  REQUIRE(s.collects.size() == 4);
  CHECK(waited_for(s) == "erasure[0] waits for client/0, client/1, client/2, client/3");
  for (const auto& [client, work] : std::vector(s.collects))
    if (client < 3) s.take(CollectResult{work.request, client, work.job, s.result(0.1)});
  CHECK(waited_for(s) == "erasure[0] waits for client/3");
}

TEST_CASE("where many are waited for they are counted") {
  Server s(blocking + asks, {"partition.clients=9"}, false, {test::rows(0, 1)},
           {100, 100, 100, 100, 100, 100, 100, 100, 100});
  s.update(1, 1);
  CHECK(waited_for(s) == "erasure[0] waits for 8 clients");
}

TEST_CASE("a retraining waits for updates, and names who works on them") {
  Server s("[unlearning]\nmethod = \"retrain\"\n[[erasure]]\nclient = 0\nat_update = 3\n");
  s.update(1, 1), s.update(2, 1), s.update(3, 1);
  CHECK(waited_for(s) == "erasure[0] waits for 3 more updates, now of client/1, client/2, client/3");
  s.update(1, 1), s.update(2, 1);
  CHECK(waited_for(s) == "erasure[0] waits for 1 more update, now of client/1, client/2, client/3");
  s.update(3, 1);
  CHECK(waited_for(s) == "");
}

TEST_CASE("a request that a lane works on waits for no client") {
  Server s("[unlearning]\nmethod = \"gradient_ascent\"\n" + asks);
  s.update(1, 1);
  REQUIRE(s.erasures.size() == 1);
  CHECK(waited_for(s) == "");
}
