// What clusters are made of: the round in which they are found, and which one is best.
#include "alone.hpp"
#include "federate/best_cluster.hpp"
#include "federate/profiling.hpp"

using namespace afu;
using namespace afu::federate;

namespace {

aggregate::Arrival update(std::uint32_t client, std::int64_t samples = 100) {
  aggregate::Arrival a;
  a.client = client;
  a.samples = samples;
  a.delta = test::token();
  return a;
}

/// Clients that took at most a second are cluster 0; keeps what it was asked.
methods::ClusterNeeds by_time(std::vector<methods::ClientProfile>* asked, double profiled = 1) {
  methods::ClusterNeeds needs;
  needs.count = 2;
  needs.profiled = profiled;
  needs.assign = [asked](const std::vector<methods::ClientProfile>& all, std::uint64_t) {
    *asked = all;
    std::vector<std::uint32_t> cluster;
    for (const auto& p : all) cluster.push_back(p.seconds > 1);
    return cluster;
  };
  return needs;
}

const BestCluster::Standings two{{true, 1, 0}, {true, 1, 0}};
using Clusters = std::vector<std::size_t>;

}  // namespace

TEST_CASE("profiling: the round is over once enough of those who stay have answered") {
  std::vector<methods::ClientProfile> asked;
  Profiling p(by_time(&asked, 0.75), 4);
  const std::vector<bool> all(4, true);
  CHECK_FALSE(p.enough(all));
  p.hold(update(0), 1), p.hold(update(1), 1);
  CHECK_FALSE(p.enough(all));
  CHECK(p.enough({true, true, false, false}));
  p.hold(update(2), 1);
  CHECK(p.enough(all));
  CHECK(p.forget(1) == 1);
  CHECK(p.forget(1) == 0);
  CHECK(p.held().size() == 2);
  CHECK_FALSE(p.enough(all));
}

TEST_CASE("profiling: updates are compared with their mean, by samples") {
  std::vector<methods::ClientProfile> asked;
  Profiling p(by_time(&asked), 2);
  p.hold(update(1, 300), 1), p.hold(update(0, 100), 2);
  const auto job = p.question();
  REQUIRE(job.outputs.size() == 1);
  REQUIRE(job.outputs[0].terms.size() == 2);
  CHECK(job.outputs[0].terms[0].coefficient == 0.75);
  CHECK(job.outputs[0].terms[1].coefficient == 0.25);
  CHECK(job.outputs[0].compared.size() == 2);
  CHECK(job.outputs[0].compared[0] == p.held()[0].delta);
}

TEST_CASE("profiling: who has not answered counts as the slowest; who has left is assigned to none") {
  std::vector<methods::ClientProfile> asked;
  Profiling p(by_time(&asked), 4);
  for (std::uint32_t c = 0; c < 4; ++c) p.sent(c, 1);
  p.hold(update(3), 5), p.hold(update(0), 1.5);
  const auto cluster = p.assign({true, false, true, true}, {-1, 1}, 7);
  CHECK(cluster == std::vector<std::uint32_t>{0, 1, 1});
  REQUIRE(asked.size() == 3);
  CHECK(asked[0].seconds == 0.5);
  CHECK(asked[0].disparity == 0);
  CHECK(asked[1].seconds == 4);  // client 2
  CHECK(asked[2].seconds == 4);
  CHECK(asked[2].disparity == 1);
  CHECK(p.take().size() == 2);
  CHECK(p.held().empty());
}

TEST_CASE("the best cluster: one question at a time, about models that are new") {
  BestCluster b;
  CHECK(b.ask({{true, 0, 0}, {true, 0, 0}}).empty());  // nothing was published
  CHECK(b.ask(two) == Clusters{0, 1});
  CHECK(b.ask({{true, 2, 0}, {true, 1, 0}}).empty());  // an answer is awaited
  b.answered({0.5, 0.75}, two);
  CHECK(b.choose(two) == std::size_t{1});
  CHECK_FALSE(b.choose(two));  // as before
  CHECK(b.best() == std::size_t{1});
  CHECK(b.ask({{true, 2, 0}, {true, 1, 0}}) == Clusters{0});
  b.answered({0.75}, two);  // as good: the first of several
  CHECK(b.choose(two) == std::size_t{0});
}

TEST_CASE("the best cluster: what a roll-back has overtaken does not count") {
  BestCluster b;
  b.ask(two);
  const BestCluster::Standings rolled{{true, 2, 9}, {true, 1, 0}};
  b.distrust(0, rolled);
  b.answered({0.9, 0.3}, rolled);
  CHECK(b.choose(rolled) == std::size_t{1});
  b.distrust(1, rolled);
  CHECK_FALSE(b.best());  // nothing is known of the other one
  CHECK_FALSE(b.choose(rolled));
}

TEST_CASE("the best cluster: one that nobody is left in is it no more; without answers there is none") {
  BestCluster b;
  b.ask(two);
  b.answered({0.9, 0.3}, two);
  b.choose(two);
  const BestCluster::Standings left{{false, 1, 0}, {true, 1, 0}};
  b.recount(left);
  CHECK(b.best() == std::size_t{1});
  BestCluster timing;
  timing.ask(two);
  timing.answered({}, two);
  CHECK_FALSE(timing.choose(two));
  CHECK(timing.ask({{true, 2, 0}, {true, 1, 0}}) == Clusters{0});  // and it goes on asking
}
