/// The server alone: the timeline, the service lane and the evaluator are fakes. What the coordinator decides is tested in
/// tests/federate; here, that each message comes to it and each effect goes where it belongs.
#include "tests/actors/alone.hpp"

#include <algorithm>

using namespace afu;
using namespace afu::test;

namespace {

struct Fixture : Alone {
  std::shared_ptr<Context> context;
  std::vector<Ack> acks;
  std::vector<EvaluationPtr> measured;
  int drains = 0;
  std::shared_ptr<Told> told;
  std::shared_ptr<Given> given;
  std::shared_ptr<LaneGiven> lane;
  server_actor server;

  explicit Fixture(const std::string& text = "", bool timing = true,
                   const std::vector<std::string>& set = {}) {
    context = context_of(text + "\n[stop]\nupdates = 4\n", set);
    if (!timing) context->setup.initial = vector(0);
    auto clock = [this](timeline_actor::pointer) -> timeline_actor::behavior_type {
      return {
          [](atom::start, const DirectoryPtr&) {},
          [this](Ack& a) { acks.push_back(std::move(a)); },
          [](atom::due, std::uint64_t) {},
          [](atom::replaced, NodeId, const client_actor&, const std::string&) {},
          [](atom::halt) {},
          [](atom::flush) {},
      };
    };
    auto measures = [this](evaluator_actor::pointer) -> evaluator_actor::behavior_type {
      return {
          [this](atom::measure, const EvaluationPtr& e) { measured.push_back(e); },
          [](atom::joined, std::uint64_t, const ResultPtr&) {},
          [this](atom::drain) { ++drains; },
          [](atom::halt) {},
      };
    };
    const auto timeline = keep(timeline_actor{sys.spawn(clock)});
    evaluator_actor evaluator;
    lane_actor service;
    if (!timing) {
      evaluator = keep(evaluator_actor{sys.spawn(measures)});
      std::tie(service, lane) = fake_lane(*this);
    }
    auto [federation, t] = fake_federation(*this);
    auto [recorder, g] = fake_recorder(*this);
    told = t, given = g;
    server = keep(spawn_server(sys, context, timeline, service, evaluator, recorder, federation));
    tell(server, 0.0, atom::start_v);
  }
  static federate::Update update(std::uint32_t client, std::uint64_t job, std::uint64_t version,
                                 model::ParametersPtr delta = nullptr) {
    return {client, job, version, 0, 100, 100, std::move(delta), nullptr, true, false};
  }
  /// The service lane's answer to its last assignment.
  void merge_done(ResultPtr result) {
    const auto& s = lane->assignments.back()->front();
    tell(lane->owner, Finished{0, {{s.id, std::move(result)}}, {0, "merge", 0, 1}});
  }
  static ResultPtr merged(float value) {
    auto r = std::make_shared<job::JobResult>();
    r->outputs = {vector(value)};
    return r;
  }
};

/// Numbers of the clients that an acknowledgement posts tasks to.
std::vector<std::uint32_t> tasks_in(const Ack& ack) {
  std::vector<std::uint32_t> clients;
  for (const auto& p : ack.posts)
    if (std::holds_alternative<federate::TrainTask>(p.payload))
      clients.push_back(p.to - record::first_client_node);
  return clients;
}

}  // namespace

TEST_CASE("the start is answered with one acknowledgement, which has a task for each client") {
  Fixture f;
  REQUIRE(f.acks.size() == 1);
  CHECK(f.acks[0].from == record::server_node);
  CHECK(tasks_in(f.acks[0]) == std::vector<std::uint32_t>{0, 1, 2, 3});
  CHECK_FALSE(f.acks[0].stop);
}

TEST_CASE("an update is answered with what was decided, the client's next task and the count") {
  Fixture f;
  f.tell(f.server, 1.5, Fixture::update(2, 1, 0));
  REQUIRE(f.acks.size() == 2);
  const auto& ack = f.acks[1];
  CHECK(tasks_in(ack) == std::vector<std::uint32_t>{2});
  REQUIRE(ack.decisions.size() == 1);
  CHECK(ack.decisions[0].kind == record::Decision::Kind::merged);
  CHECK(ack.decisions[0].time == 1.5);
  CHECK(ack.decisions[0].version == 1);
  CHECK(ack.updates == 1);
}

TEST_CASE("an update of a task that the client does not have is acknowledged, and changes nothing") {
  Fixture f;
  f.tell(f.server, 1.0, Fixture::update(2, 7, 0));
  f.tell(f.server, 2.0, federate::Dropped{1, 9});
  REQUIRE(f.acks.size() == 3);
  for (std::size_t i = 1; i < 3; ++i) {
    CHECK(f.acks[i].posts.empty());
    CHECK(f.acks[i].decisions.empty());
    CHECK(f.acks[i].updates == 0);
  }
}

TEST_CASE("a lost job's client gets a new task") {
  Fixture f;
  f.tell(f.server, 2.0, federate::Dropped{1, 1});
  CHECK(tasks_in(f.acks.at(1)) == std::vector<std::uint32_t>{1});
}

TEST_CASE("the acknowledgement of the last update says stop, and what comes later is not taken") {
  Fixture f;
  for (std::uint32_t c = 0; c < 4; ++c) f.tell(f.server, 1.0 + c, Fixture::update(c, 1, 0));
  REQUIRE(f.acks.size() == 5);
  CHECK_FALSE(f.acks[3].stop);
  CHECK(f.acks[4].stop);
  f.tell(f.server, 9.0, Fixture::update(0, 2, 1));
  CHECK(f.acks.size() == 5);
}

TEST_CASE("a merge goes to the service lane, and its messages wait until that has answered") {
  Fixture f("", false);
  f.tell(f.server, 1.0, Fixture::update(0, 1, 0, vector(1)));
  f.tell(f.server, 1.0, Fixture::update(1, 1, 0, vector(2)));
  REQUIRE(f.lane->assignments.size() == 1);
  CHECK(f.lane->assignments[0]->front().job->as<engine::CombineJob>() != nullptr);
  CHECK(f.acks.size() == 1);
  f.merge_done(Fixture::merged(0.5));
  REQUIRE(f.acks.size() == 2);
  REQUIRE(f.acks[1].decisions.size() == 1);
  CHECK(f.acks[1].decisions[0].client == 0);
  CHECK(f.lane->assignments.size() == 2);
  f.merge_done(Fixture::merged(0.75));
  REQUIRE(f.acks.size() == 3);
  CHECK(f.acks[2].decisions[0].client == 1);
  CHECK(f.given->spans.size() == 2);  // the lane's work in real time
  const auto& task = std::get<federate::TrainTask>(f.acks[2].posts.front().payload);
  CHECK(task.model->values[0].item<float>() == 0.75f);
}

TEST_CASE("a merge that fails ends the run with the reason, and nothing is acknowledged any more") {
  Fixture f("", false);
  f.tell(f.server, 1.0, Fixture::update(0, 1, 0, vector(1)));
  f.merge_done(failed_result("out of memory"));
  CHECK(f.told->failures == std::vector<std::string>{"server: out of memory"});
  f.tell(f.server, 2.0, Fixture::update(1, 1, 0, vector(1)));
  CHECK(f.acks.size() == 1);
}

TEST_CASE("a request that is due ahead of all else is waited for: what comes before it on the way waits") {
  Fixture f("[[erasure]]\nclient = 3\nat_update = 1\n[unlearning]\nmethod = \"none\"\n");
  f.tell(f.server, 1.0, Fixture::update(0, 1, 0));
  const auto& posts = f.acks.at(1).posts;
  const auto due = std::find_if(posts.begin(), posts.end(), [](const federate::Post& p) { return p.first; });
  REQUIRE(due != posts.end());
  CHECK(std::get<federate::EraseRequest>(due->payload).request == 0);
  f.tell(f.server, 1.0, Fixture::update(1, 1, 0));  // the wall clock had it on its way already
  CHECK(f.acks.size() == 2);
  CHECK(f.context->past->load());
  f.tell(f.server, 1.0, federate::EraseRequest{0});
  CHECK_FALSE(f.context->past->load());  // from here on the run is not like others any more
  REQUIRE(f.acks.size() == 4);
  CHECK(f.acks[3].updates == 2);
}

TEST_CASE(
    "versions to be measured go to the evaluator: those that are due, those that a request found, the last") {
  Fixture f(
      "[evaluation]\nevery_updates = 2\n[[erasure]]\nclient = 3\nat_update = 1\n[unlearning]\nmethod = \"none\"\n",
      false);
  f.tell(f.server, 1.0, Fixture::update(0, 1, 0, vector(1)));
  f.merge_done(Fixture::merged(1));
  const auto before = f.measured.size();
  f.tell(f.server, 1.0, federate::EraseRequest{0});
  REQUIRE(f.measured.size() == before + 1);
  CHECK(f.measured.back()->before_erasure);
  CHECK(f.measured.back()->request == std::optional<std::uint32_t>{0});
  f.tell(f.server, 2.0, Fixture::update(1, 1, 0, vector(1)));
  f.merge_done(Fixture::merged(2));
  REQUIRE(f.measured.size() == before + 2);
  CHECK(f.measured.back()->row.updates == 2);
  f.tell(f.server, atom::report_v, 7.0);
  REQUIRE(f.measured.size() == before + 3);
  CHECK(f.measured.back()->row.time == 7);
  CHECK(f.drains == 1);
}

TEST_CASE("asked for its last words, the server tells the federation the outcome") {
  Fixture f;
  f.tell(f.server, 1.0, Fixture::update(0, 1, 0));
  f.tell(f.server, atom::report_v, 7.0);
  REQUIRE(f.told->outcomes.size() == 1);
  CHECK(f.told->outcomes[0]->updates == 1);
  CHECK(f.told->outcomes[0]->version == 1);
  CHECK_FALSE(f.told->outcomes[0]->stopped);
  CHECK(f.told->outcomes[0]->busy.size() == 4);
}
