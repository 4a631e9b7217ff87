// The server without actors: where clients stand in the learning rate's schedule.
#include "federate/step_sizes.hpp"

#include <cmath>

#include "server.hpp"
#include "train/train_job.hpp"

using namespace afu;
using namespace afu::federate;
using test::Server;

namespace {

/// Halved after every task of a client, or every second update or round.
const char* settings = R"(
[training]
server_lr = 1
staleness = "constant"
weight_by_samples = false
schedule = "step"
schedule_every = 1
schedule_factor = 0.5
)";
const char* erasing = "[[erasure]]\nclient = 0\nat_update = 4\n";

double factor(const Server& s, std::uint32_t client) { return s.tasks.at(client).lr_factor; }

}  // namespace

TEST_CASE("by jobs: each client's own tasks count, and a retraining begins anew") {
  Server s(std::string(settings) + erasing, {"unlearning.method=retrain"});
  for (std::uint32_t c = 0; c < 4; ++c) CHECK(factor(s, c) == 1);
  s.update(1, 1), s.update(1, 1), s.update(2, 1);
  CHECK(factor(s, 1) == 0.25);
  CHECK(factor(s, 2) == 0.5);
  CHECK(factor(s, 3) == 1);
  s.update(1, 1);  // the fourth: now client 0 asks, and all begin again
  CHECK(s.model() == 0);
  for (std::uint32_t c = 1; c < 4; ++c) CHECK(factor(s, c) == 1);
  s.update(3, 1);
  CHECK(factor(s, 3) == 0.5);
  CHECK(factor(s, 2) == 1);
}

TEST_CASE("by updates: those that the server has accepted since the training began") {
  Server s(std::string(settings) + "schedule_by = \"updates\"\n" + erasing,
           {"unlearning.method=retrain", "training.schedule_every=2"});
  s.update(0, 1);
  CHECK(factor(s, 0) == 1);
  s.update(1, 1);
  CHECK(factor(s, 1) == 0.5);
  s.update(2, 1);
  CHECK(factor(s, 2) == 0.5);
  CHECK(factor(s, 3) == 1);  // it works on its first task
  s.update(1, 1);  // now client 0 asks; its one update counts as done for the goal, not for the schedule
  for (std::uint32_t c = 1; c < 4; ++c) CHECK(factor(s, c) == 1);
  s.update(1, 1), s.update(2, 1);
  CHECK(factor(s, 2) == 0.5);
}

TEST_CASE("by rounds: all clients of a round have one step size") {
  Server s(std::string(settings) + "schedule_by = \"rounds\"\nrule = \"fedavg\"\n",
           {"unlearning.method=none", "training.staleness=polynomial", "training.server_lr=0.3",
            "training.weight_by_samples=true"});
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t c = 0; c < 4; ++c) CHECK(factor(s, c) == std::pow(0.5, round));
    for (std::uint32_t c = 0; c < 4; ++c) s.update(c, 1);
  }
  CHECK(factor(s, 0) == 0.125);
}

TEST_CASE("a method's own factor stays beside the schedule's, and no schedule is no factor") {
  Server s(std::string(settings) + erasing, {"unlearning.method=fine_tune"});
  for (int i = 0; i < 4; ++i) s.update(1, 1);
  s.update(2, 1);
  CHECK(factor(s, 2) == 0.5);
  REQUIRE(s.tasks.at(2).extras);
  CHECK(s.tasks.at(2).extras->lr_factor == 3);
  Server plain("", {"unlearning.method=none"});
  for (int i = 0; i < 4; ++i) plain.update(1, 1);
  CHECK(factor(plain, 1) == 1);
}

TEST_CASE("rounds of one client are its own training: its whole difference, and its statistics as they are") {
  Server s("[training]\nrule = \"fedavg\"\n", {"unlearning.method=none", "partition.clients=1"}, false, {},
           {100}, "resnet18");
  for (int round = 1; round < 4; ++round) {
    s.update(0, round * 0.1);
    CHECK(s.weight() == 1);
    const auto model = s.server->evaluation(s.now).model;
    CHECK(model->buffers[0].item<float>() == static_cast<float>(round * 0.1));
  }
  CHECK(s.model() == doctest::Approx(0.6));
}

TEST_CASE(
    "a training that goes back goes back in the schedule; what a task with an earlier version had is known") {
  config::Scenario s;
  s.training.schedule = config::LrSchedule::step;
  s.training.schedule_every = 1;
  s.training.schedule_factor = 0.5;
  StepSizes by_jobs(s, 2);
  for (std::uint64_t version = 0; version < 4; ++version) by_jobs.hand_out(0, {version, version, 0});
  CHECK(by_jobs.hand_out(1, {3, 4, 0}) == 1);
  CHECK(by_jobs.of_version(0, 0) == 1);
  CHECK(by_jobs.of_version(0, 2) == 0.25);
  CHECK(by_jobs.of_version(1, 3) == 1);
  by_jobs.go_back(2, {4, 4, 0});
  CHECK(by_jobs.hand_out(0, {5, 4, 0}) == 0.25);  // its third task again
  CHECK(by_jobs.hand_out(1, {5, 4, 0}) == 1);
  by_jobs.begin_again({6, 0, 0});
  CHECK(by_jobs.hand_out(0, {6, 0, 0}) == 1);

  s.training.schedule_by = config::LrClock::updates;
  StepSizes by_updates(s, 2);
  for (std::uint64_t version = 0; version < 4; ++version)
    CHECK(by_updates.hand_out(0, {version, version, 0}) == std::pow(0.5, version));
  CHECK(by_updates.of_version(1, 2) == 0.25);
  by_updates.go_back(2, {4, 4, 0});  // the server goes on counting from 4
  CHECK(by_updates.hand_out(0, {4, 4, 0}) == 0.25);
  CHECK(by_updates.hand_out(0, {5, 5, 0}) == 0.125);
  by_updates.begin_again({6, 1, 0});  // one of those who left counts as done
  CHECK(by_updates.hand_out(0, {6, 1, 0}) == 1);
  CHECK(by_updates.hand_out(0, {7, 2, 0}) == 0.5);
}
