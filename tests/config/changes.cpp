#include "config/changes.hpp"

#include "support.hpp"

using namespace afu::config;
using namespace afu::config::test;
using Messages = std::vector<std::string>;

namespace {

Messages changed(const std::vector<std::string>& held, const std::vector<std::string>& wanted) {
  const char* text = "[stop]\nupdates = 10\n[[erasure]]\nclient = 1\nat_update = 5\n";
  return changes(parse_scenario(text, "s.toml", held, methods()),
                 parse_scenario(text, "s.toml", wanted, methods()), methods());
}

}  // namespace

TEST_CASE("what a scenario changed since a run is told key by key, with both values") {
  CHECK(changed({}, {}).empty());
  CHECK(changed({"training.lr=0.1"}, {"training.lr=0.2", "stop.updates=20"}) ==
        Messages{"training.lr was 0.1, is 0.2", "stop.updates was 10, is 20"});
  CHECK(changed({}, {"unlearning.fedquit.epochs=3"}) == Messages{"unlearning.fedquit.epochs was 1, is 3"});
  CHECK(changed({"heterogeneity.compute.jitter=2.0"}, {}) ==
        Messages{"heterogeneity.compute.jitter was 2.0, is 1.0"});
  CHECK(changed({}, {"erasure[0].client=2"}) == Messages{"erasure[0].client was 1, is 2"});
  CHECK(changed({"erasure[1]={client=3, at_update=7}"}, {}).size() == 4);  // client, time, scope, fraction
}

TEST_CASE(
    "what changes no result is no change: names, folders, lanes, files that are not asked for any more") {
  CHECK(changed({}, {"scenario.name=other", "output.folder=elsewhere", "compute.lanes=3",
                     "compute.lookahead=9", "output.trace=false"})
            .empty());
  CHECK(changed({}, {"compute.nodes=[\"127.0.0.1:4711\"]", "compute.only_nodes=true",
                     "compute.token_file=secret", "compute.node_patience=9"})
            .empty());
  CHECK(changed({"compute.mixed_numerics=true"}, {}) ==
        Messages{"compute.mixed_numerics was true, is false"});
  CHECK(changed({}, {"output.snapshots=true"}) == Messages{"output.snapshots was false, is true"});
}
