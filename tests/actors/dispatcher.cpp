/// The dispatcher alone: its lanes and the owners of its jobs are fakes, and the test says when a lane is done.
#include <thread>

#include "tests/actors/alone.hpp"
#include "train/train_job.hpp"

using namespace afu;
using namespace afu::test;

namespace {

using Ids = std::vector<std::uint64_t>;

struct Fixture : Alone {
  std::shared_ptr<Context> context = context_of("[stop]\nupdates = 9\n");
  std::vector<std::pair<lane_actor, std::shared_ptr<LaneGiven>>> lanes;
  std::shared_ptr<Told> told;
  std::shared_ptr<Given> given;
  std::vector<std::pair<std::uint64_t, ResultPtr>> joined;  ///< what owners got, in order
  job_owner_actor owner;
  dispatcher_actor dispatcher;
  federate::JobPtr job;

  explicit Fixture(std::size_t lane_count = 1, std::size_t lookahead = 8, std::int64_t batched_clients = 1,
                   std::vector<sim::LaneGroup> groups = {}) {
    context->lane_groups = std::move(groups);
    context->lookahead = lookahead;
    train::TrainJob training;
    training.base = vector(0);
    training.samples = std::make_shared<const base::Indices>(base::Indices{1, 2, 3});
    job = std::make_shared<const job::Job>(training);
    lane::EngineSpec spec;
    spec.batched_clients = batched_clients;
    context->lanes.assign(lane_count + 1, spec);
    std::vector<lane_actor> handles;
    for (std::size_t i = 0; i < lane_count; ++i) {
      lanes.push_back(fake_lane(*this));
      handles.push_back(lanes.back().first);
    }
    auto behaviour = [this](job_owner_actor::pointer) -> job_owner_actor::behavior_type {
      return {[this](atom::joined, std::uint64_t id, const ResultPtr& r) { joined.emplace_back(id, r); }};
    };
    owner = keep(job_owner_actor{sys.spawn(behaviour)});
    auto [federation, t] = fake_federation(*this);
    auto [recorder, g] = fake_recorder(*this);
    told = t, given = g;
    dispatcher = keep(spawn_dispatcher(sys, context, handles, recorder, federation));
  }
  void submit(std::uint64_t id, double completes_at) {
    tell(dispatcher, Submission{id, completes_at, "job", job, false});
  }
  void join(std::uint64_t id, bool now = true) { tell(dispatcher, atom::join_v, id, owner, now); }
  /// The lane is done with the last assignment it got.
  void finish(std::uint32_t lane = 0, ResultPtr result = result_of(1)) {
    std::vector<std::pair<std::uint64_t, ResultPtr>> results;
    for (const auto& s : *lanes[lane].second->assignments.back()) results.emplace_back(s.id, result);
    tell(lanes[lane].second->owner, Finished{lane, std::move(results), {lane, "job", 0, 1}});
  }
  /// The lane's node is gone, with its last assignment.
  void lose(std::uint32_t lane) { finish(lane, nullptr); }
  /// And is there again.
  void come_back(std::uint32_t lane) { tell(lanes[lane].second->owner, Finished{lane, {}, {}}); }
  Ids ids(std::size_t lane = 0) const { return lanes[lane].second->ids(); }
  Ids joined_ids() const {
    Ids all;
    for (const auto& [id, result] : joined) all.push_back(id);
    return all;
  }
};

}  // namespace

TEST_CASE("a free lane gets the job whose simulated end is nearest, one at a time") {
  Fixture f;
  f.submit(1, 9);  // the lane is free
  f.submit(2, 5), f.submit(3, 4), f.submit(4, 5);
  CHECK(f.ids() == Ids{1});
  for (int i = 0; i < 3; ++i) f.finish();
  CHECK(f.ids() == Ids{1, 3, 2, 4});  // of one time the one that came first
}

TEST_CASE("jobs are spread over the lanes that are free") {
  Fixture f(2);
  f.submit(1, 1), f.submit(2, 2), f.submit(3, 3);
  CHECK(f.ids(0) == Ids{1});
  CHECK(f.ids(1) == Ids{2});
  f.finish(1);
  CHECK(f.ids(1) == Ids{2, 3});
}

TEST_CASE("no more jobs are computed ahead of their time than the look-ahead lets wait") {
  Fixture f(1, 2);
  for (std::uint64_t id = 1; id <= 4; ++id) f.submit(id, static_cast<double>(id));
  f.finish(), f.finish();
  CHECK(f.ids() == Ids{1, 2});
  f.join(1);
  CHECK(f.ids() == Ids{1, 2, 3});
}

TEST_CASE("a job that somebody waits for now is next, whatever the look-ahead") {
  Fixture f(1, 1);
  f.submit(1, 1), f.submit(2, 2), f.submit(3, 3);
  f.finish();
  CHECK(f.ids() == Ids{1});
  f.join(3, false);  // whenever it is there: no reason to hurry
  CHECK(f.ids() == Ids{1});
  f.join(3, true);
  CHECK(f.ids() == Ids{1, 3});
}

TEST_CASE("an owner gets its result once, whether it asks before or after that is there") {
  Fixture f;
  f.submit(1, 1), f.submit(2, 2);
  f.finish(0, result_of(0.25));
  CHECK(f.joined.empty());
  f.join(1);
  f.join(2);
  f.finish(0, result_of(0.5));
  CHECK(f.joined_ids() == Ids{1, 2});
  CHECK(f.joined[0].second->figures.at("test_loss") == 0.25);
  CHECK(f.joined[1].second->figures.at("test_loss") == 0.5);
  f.join(1);
  CHECK(f.joined.size() == 2);
}

TEST_CASE("a job's error goes to its owner like any result, and the lane goes on") {
  Fixture f;
  f.submit(1, 1), f.submit(2, 2);
  f.join(1);
  f.finish(0, failed_result("no memory"));
  REQUIRE(f.joined_ids() == Ids{1});
  CHECK(f.joined[0].second->error == "no memory");
  CHECK(f.told->failures.empty());  // what it means is the owner's to say
  CHECK(f.ids() == Ids{1, 2});
}

TEST_CASE("a cancelled job is not begun, and the result of one that runs goes to nobody") {
  Fixture f(1, 1);
  f.submit(1, 1), f.submit(2, 2), f.submit(3, 3);
  f.join(1), f.join(2, false);
  f.tell(f.dispatcher, atom::cancel_v, std::uint64_t{1});
  f.tell(f.dispatcher, atom::cancel_v, std::uint64_t{2});
  f.finish();
  CHECK(f.joined.empty());
  CHECK(f.ids() == Ids{1, 3});  // the look-ahead of one is free again
}

TEST_CASE("once drained nobody computes what nobody has asked for") {
  Fixture f;
  f.submit(1, 1), f.submit(2, 2), f.submit(3, 3);
  f.join(3, false);
  f.tell(f.dispatcher, atom::drain_v);
  f.finish();
  CHECK(f.ids() == Ids{1, 3});
  f.finish();
  CHECK(f.joined_ids() == Ids{3});
}

TEST_CASE("a lane that has died gets no further job, and the others go on") {
  Fixture f(2);
  f.submit(1, 1), f.submit(2, 2), f.submit(3, 3), f.submit(4, 4);
  f.join(1), f.join(2), f.join(3), f.join(4);
  f.kill(f.lanes[0].first);  // with job 1, for which the federation ends the run
  f.finish(1), f.finish(1), f.finish(1);
  CHECK(f.ids(0) == Ids{1});
  CHECK(f.ids(1) == Ids{2, 3, 4});
  CHECK(f.joined_ids() == Ids{2, 3, 4});
}

TEST_CASE("lanes that step clients together get several training jobs, once all free lanes can be filled") {
  Fixture f(1, 8, 2);
  f.submit(1, 1);
  CHECK(f.ids().empty());
  f.submit(2, 2);
  CHECK(f.lanes[0].second->assignments.size() == 1);
  CHECK(f.ids() == Ids{1, 2});
  f.submit(3, 3);
  f.finish();
  CHECK(f.ids() == Ids{1, 2});
  f.join(3);  // nothing is late
  CHECK(f.ids() == Ids{1, 2, 3});
}

TEST_CASE("jobs waited for are counted; late are those that were not there in time") {
  Fixture f;
  f.submit(1, 1), f.submit(2, 2);
  f.finish();
  f.join(1);  // it was there
  f.join(2);
  std::this_thread::sleep_for(std::chrono::milliseconds(10));  // lateness is real time
  f.finish();
  f.tell(f.dispatcher, atom::report_v);
  REQUIRE(f.told->counts.size() == 1);
  CHECK(f.told->counts[0] == std::pair<std::uint64_t, std::uint64_t>{2, 1});
}

TEST_CASE("what a lane did, in real time, goes to the recorder") {
  Fixture f;
  f.submit(1, 1);
  f.finish();
  REQUIRE(f.given->spans.size() == 1);
  CHECK(f.given->spans[0].end == 1);
}

TEST_CASE("what a lost node had is given to another lane, and the node gets work once it is there again") {
  Fixture f(2);
  f.submit(1, 1), f.submit(2, 2), f.submit(3, 3);
  f.join(1);
  f.lose(0);
  CHECK(f.joined.empty());
  CHECK(f.ids(0) == Ids{1});
  f.finish(1);
  CHECK(f.ids(1) == Ids{2, 1});  // before 3: somebody waits for it
  f.come_back(0);
  CHECK(f.ids(0) == Ids{1, 3});
  f.finish(1);
  CHECK(f.joined_ids() == Ids{1});
  CHECK(f.given->spans.size() == 3);  // what was lost took time too
}

TEST_CASE("a run whose only node is lost goes on when that is there again") {
  Fixture f;
  f.submit(1, 1), f.submit(2, 2);
  f.join(2);
  f.lose(0);
  f.submit(3, 3);
  CHECK(f.ids() == Ids{1});
  f.come_back(0);
  CHECK(f.ids() == Ids{1, 2});
  f.finish();
  CHECK(f.joined_ids() == Ids{2});
  CHECK(f.ids() == Ids{1, 2, 1});
}

TEST_CASE("a job that was cancelled is not begun anew when its node is lost") {
  Fixture f(2);
  f.submit(1, 1), f.submit(2, 2);
  f.tell(f.dispatcher, atom::cancel_v, std::uint64_t{1});
  f.lose(0);
  f.finish(1);
  CHECK(f.ids(1) == Ids{2});
}

TEST_CASE("a job is sent ahead to a node only when every other lane has work") {
  Fixture f(3, 8, 1, {{1, 1}, {2, 1}});  // here; a node of one lane
  f.submit(1, 1), f.submit(2, 2), f.submit(3, 3);
  CHECK(f.ids(0) == Ids{1});
  CHECK(f.ids(1) == Ids{2});
  CHECK(f.ids(2) == Ids{3});
  f.finish(1), f.finish(0);
  f.submit(4, 4);  // the node still has job 3
  CHECK(f.ids(0) == Ids{1, 4});
}
