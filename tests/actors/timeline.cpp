/// The timeline alone: its server and its clients are fakes that say when they have taken what they were handed.
#include "tests/actors/alone.hpp"
#include "tests/base/temporary_file.hpp"

using namespace afu;
using namespace afu::test;
using federate::Post;

namespace {

constexpr NodeId client_node(std::uint32_t client) { return record::first_client_node + client; }

/// A client's timer, whose number is told by `job`.
Post timer(std::uint32_t client, double at, std::uint64_t job = 0) {
  return {client_node(client), client_node(client), at, -1, false, 0, federate::JobDone{job, 0, false}};
}
Post ahead(Post p) {
  p.first = true;
  return p;
}
Post update(std::uint32_t client, double at, std::uint64_t bytes) {
  federate::Update u;
  u.client = client;
  return {client_node(client), record::server_node, at, client, true, bytes, std::move(u)};
}

struct Delivery {
  double time;
  NodeId to;
  std::uint64_t job;
  bool operator==(const Delivery& o) const { return time == o.time && to == o.to && job == o.job; }
};
std::ostream& operator<<(std::ostream& out, const Delivery& d) {
  return out << d.job << " to " << record::node_name(d.to) << " at " << d.time;
}

struct Fixture : Alone {
  std::vector<Delivery> deliveries;
  bool answers = true;  ///< whoever is handed something has taken it at once
  std::function<Ack(Delivery)> answer_of = [](Delivery) { return Ack{}; };
  std::shared_ptr<Told> told;
  std::shared_ptr<Given> given;
  timeline_actor timeline;
  std::shared_ptr<Context> context;

  explicit Fixture(const std::string& text = "", const std::vector<std::string>& set = {}) {
    context = context_of(text + "\n[stop]\nupdates = 100\n", set);
  }

  void taken(Delivery d) {
    deliveries.push_back(d);
    if (answers) answer(d);
  }
  void answer(Delivery d) {
    auto ack = answer_of(d);
    ack.from = d.to;
    caf::anon_send(timeline, std::move(ack));
  }
  client_actor fake_client(std::uint32_t c) {
    auto behaviour = [this, c](client_actor::pointer) -> client_actor::behavior_type {
      return {
          [this, c](double now, const federate::TrainTask& m) {
            taken({now, client_node(c), m.job});
          },
          [](double, const federate::CollectTask&) {},
          [this, c](double now, const federate::JobDone& m) {
            taken({now, client_node(c), m.job});
          },
          [](atom::joined, std::uint64_t, const ResultPtr&) {},
          [](atom::crash) {},
      };
    };
    return keep(client_actor{sys.spawn(behaviour)});
  }
  server_actor fake_server(std::vector<Post> first) {
    const auto got = [this](double now, std::uint64_t number) { taken({now, record::server_node, number}); };
    auto behaviour = [this, got, first](server_actor::pointer) -> server_actor::behavior_type {
      return {
          [this, first](double, atom::start) {
            Ack ack;
            ack.from = record::server_node;
            ack.posts = first;
            caf::anon_send(timeline, std::move(ack));
          },
          [=](double now, const federate::Update& m) { got(now, m.job); },
          [=](double now, const federate::Dropped& m) { got(now, 1000 + m.client); },
          [=](double now, const federate::CollectResult&) { got(now, 0); },
          [=](double now, const federate::EraseRequest& m) { got(now, m.request); },
          [=](double now, const federate::EraseResult&) { got(now, 0); },
          [=](double now, const federate::CalibrateResult&) { got(now, 0); },
          [](const Finished&) {},
          [](atom::report, double) {},
      };
    };
    return keep(server_actor{sys.spawn(behaviour)});
  }
  /// The server's first answer posts these.
  void start(std::vector<Post> first) {
    auto [federation, t] = fake_federation(*this);
    auto [recorder, g] = fake_recorder(*this);
    told = t, given = g;
    timeline = keep(spawn_timeline(sys, context, recorder, federation));
    auto directory = std::make_shared<Directory>();
    directory->server = fake_server(std::move(first));
    for (std::uint32_t c = 0; c < 4; ++c) directory->clients.push_back(fake_client(c));
    tell(timeline, atom::start_v, DirectoryPtr{directory});
  }
};

}  // namespace

TEST_CASE("what is due comes in order of time, and of one time in the order in which it was posted") {
  Fixture f;
  f.start({timer(1, 2, 7), timer(0, 1), timer(2, 2), timer(1, 2, 8), timer(3, 0)});
  CHECK(f.deliveries == std::vector<Delivery>{{0, client_node(3), 0},
                                              {1, client_node(0), 0},
                                              {2, client_node(1), 7},
                                              {2, client_node(2), 0},
                                              {2, client_node(1), 8}});
}

TEST_CASE(
    "a post that goes first is ahead of all else of its time, and behind those that went first before") {
  Fixture f;
  f.start({timer(0, 5), ahead(timer(1, 5)), timer(0, 4), ahead(timer(2, 5))});
  CHECK(f.deliveries ==
        std::vector<Delivery>{
            {4, client_node(0), 0}, {5, client_node(1), 0}, {5, client_node(2), 0}, {5, client_node(0), 0}});
}

TEST_CASE("on the virtual clock nothing is handed out before the last has been taken") {
  Fixture f;
  f.answers = false;
  f.start({timer(0, 1), timer(1, 1), timer(2, 3)});
  CHECK(f.deliveries.size() == 1);
  f.answer_of = [](Delivery) {  // what the answer posts comes before what was due later
    Ack ack;
    ack.posts = {timer(3, 2)};
    return ack;
  };
  f.answer(f.deliveries[0]);
  f.settle();
  CHECK(f.deliveries.size() == 2);
  f.answer_of = [](Delivery) { return Ack{}; };
  for (int i = 1; i < 4; ++i) {
    f.answer(f.deliveries.back());
    f.settle();
  }
  CHECK(f.deliveries ==
        std::vector<Delivery>{
            {1, client_node(0), 0}, {1, client_node(1), 0}, {2, client_node(3), 0}, {3, client_node(2), 0}});
}

TEST_CASE("a time gone by is now: nothing is delivered into the past") {
  Fixture f;
  f.answer_of = [](Delivery d) {
    Ack ack;
    if (d.to == client_node(0)) ack.posts = {timer(1, 2)};
    return ack;
  };
  f.start({timer(0, 4)});
  CHECK(f.deliveries == std::vector<Delivery>{{4, client_node(0), 0}, {4, client_node(1), 0}});
}

TEST_CASE("a message arrives when the client's link has delivered it, and counts with its bytes") {
  Fixture f("[heterogeneity.network]\nlatency_seconds = 0.5\nuplink_mbit = 8\n");
  f.start({update(0, 1, 1'000'000), timer(1, 2)});  // a megabyte at 8 Mbit/s: one second
  CHECK(f.deliveries == std::vector<Delivery>{{2, client_node(1), 0}, {2.5, record::server_node, 0}});
  REQUIRE(f.told->ends.size() == 1);
  CHECK(f.told->ends[0].messages == 1);
  CHECK(f.told->ends[0].bytes == 1'000'000);
  CHECK(f.told->ends[0].events == 2);
}

TEST_CASE(
    "a run ends where nothing is left, where the server says so, where its time is over, or when halted") {
  SUBCASE("nothing left: starved") {
    Fixture f;
    f.start({timer(0, 3)});
    REQUIRE(f.told->ends.size() == 1);
    CHECK(f.told->ends[0].starved);
    CHECK(f.told->ends[0].now == 3);
  }
  SUBCASE("the server says so") {
    Fixture f;
    f.answer_of = [](Delivery d) {
      Ack ack;
      ack.stop = d.time == 1;
      return ack;
    };
    f.start({timer(0, 1), timer(1, 2)});
    REQUIRE(f.told->ends.size() == 1);
    CHECK_FALSE(f.told->ends[0].starved);
    CHECK(f.told->ends[0].now == 1);
    CHECK(f.deliveries.size() == 1);
  }
  SUBCASE("stop.seconds") {
    Fixture f("", {"stop.seconds=2"});
    f.start({timer(0, 2), timer(1, 2.5)});
    REQUIRE(f.told->ends.size() == 1);
    CHECK_FALSE(f.told->ends[0].starved);
    CHECK(f.told->ends[0].now == 2);
    CHECK(f.deliveries.size() == 1);
  }
  SUBCASE("halted, once, and deaf from then on") {
    Fixture f;
    f.answers = false;
    f.start({timer(0, 1), timer(1, 2)});
    f.tell(f.timeline, atom::halt_v);
    f.tell(f.timeline, atom::halt_v);
    f.answer(f.deliveries[0]);
    f.settle();
    CHECK(f.told->ends.size() == 1);
    CHECK(f.deliveries.size() == 1);
  }
}

TEST_CASE("a client's replacement gets its messages, and the server hears that the job was lost") {
  Fixture f("[heterogeneity.network]\nlatency_seconds = 0.5\n");
  f.answers = false;
  f.start({timer(0, 1, 5), timer(0, 2, 6)});
  REQUIRE(f.deliveries.size() == 1);  // which the client dies of, so nobody answers
  f.answers = true;
  int taken_by_the_other = 0;
  auto behaviour = [&](client_actor::pointer) -> client_actor::behavior_type {
    return {
        [](double, const federate::TrainTask&) {},
        [](double, const federate::CollectTask&) {},
        [&](double, const federate::JobDone& m) { taken_by_the_other += m.job == 6; },
        [](atom::joined, std::uint64_t, const ResultPtr&) {},
        [](atom::crash) {},
    };
  };
  const auto replacement = f.keep(client_actor{f.sys.spawn(behaviour)});
  f.tell(f.timeline, atom::replaced_v, client_node(0), replacement, std::string("a test"));
  CHECK(f.deliveries.back() == Delivery{1.5, record::server_node, 1000});
  CHECK(taken_by_the_other == 1);
}

TEST_CASE("while somebody has not answered, another one's replacement brings nothing forward") {
  Fixture f;
  f.answers = false;
  f.start({timer(0, 1), timer(1, 2)});
  f.tell(f.timeline, atom::replaced_v, client_node(2), f.fake_client(2), std::string("a test"));
  CHECK(f.deliveries == std::vector<Delivery>{{1, client_node(0), 0}});
  f.answers = true;
  f.answer(f.deliveries[0]);
  f.settle();
  CHECK(f.deliveries.size() == 3);  // the lost job's notice, and the timer
}

TEST_CASE("a clock that does not go on ends the run with the reason") {
  Fixture f;
  f.answer_of = [](Delivery) {
    Ack ack;
    ack.posts = {timer(2, 0)};
    return ack;
  };
  f.start({timer(2, 1)});
  REQUIRE(f.told->failures.size() == 1);
  CHECK(
      f.told->failures[0] ==
      "the clock does not go on: 100064 events at 1 s, the next is job_done from client/2 to client/2; a client's job "
      "and its messages must take longer");
}

TEST_CASE("clients that are gone for good are counted once, and the first five are named") {
  Fixture f;
  f.answer_of = [](Delivery d) {
    Ack ack;
    ack.gone = d.to != record::server_node;
    return ack;
  };
  f.start({timer(0, 1), timer(3, 2), timer(0, 4)});
  REQUIRE(f.told->ends.size() == 1);
  CHECK(f.told->ends[0].gone_count == 2);
  REQUIRE(f.told->ends[0].gone.size() == 2);
  CHECK(f.told->ends[0].gone[1].client == client_node(3));
  CHECK(f.told->ends[0].gone[1].since == 2);
}

TEST_CASE("on the wall clock what is due comes at its time, whoever has not answered yet") {
  Fixture f("", {"scenario.clock=wall", "scenario.time_scale=2"});
  f.answers = false;
  f.start({timer(1, 3), timer(0, 1), timer(2, 1)});
  CHECK(f.deliveries.empty());
  f.advance(1.9);  // a second of the run takes two
  CHECK(f.deliveries.empty());
  f.advance(0.2);
  REQUIRE(f.deliveries.size() == 2);
  CHECK(f.deliveries[0].to == client_node(0));
  CHECK(f.deliveries[0].time == doctest::Approx(1.05));
  f.advance(3.9);
  CHECK(f.deliveries.size() == 3);
  CHECK(f.told->ends.empty());  // three answers are outstanding: they may bring something
  for (const auto& d : std::vector<Delivery>(f.deliveries)) f.answer(d);
  f.settle();
  REQUIRE(f.told->ends.size() == 1);
  CHECK(f.told->ends[0].starved);
}

TEST_CASE("on the wall clock what took place does so again at once and at its times; then real time counts") {
  const TemporaryFile folder("", "other");
  const auto file = folder.folder / "checkpoint.afu";
  federate::TrainTask task;
  task.job = 9;
  const std::vector<Post> posts{timer(0, 1, 5),
                                timer(1, 2, 6),
                                {record::server_node, client_node(1), 3, -1, false, 0, task},
                                timer(2, 10, 7)};
  const lane::CheckpointPace pace{1e-9, 1e9};
  const auto prepare = [&](Fixture& f, std::shared_ptr<lane::Checkpoint> checkpoint) {
    f.context->checkpoint = std::move(checkpoint);
    f.context->checkpoint->begin({}, 0);
    f.answers = false;
  };
  const auto answer_timer = [](Fixture& f, std::uint32_t client, std::uint64_t job, bool given_up) {
    Ack ack;
    ack.from = client_node(client);
    ack.timer = job;
    ack.given_up = given_up;
    f.tell(f.timeline, std::move(ack));
  };
  std::vector<Delivery> before;
  {
    Fixture f("", {"scenario.clock=wall"});
    prepare(f, std::make_shared<lane::Checkpoint>(file, pace));
    f.start(posts);
    f.advance(1.5);
    f.advance(1);
    answer_timer(f, 0, 5, false);
    f.advance(1);
    answer_timer(f, 1, 6, true);  // it got the task first
    before = f.deliveries;
    REQUIRE(before.size() == 3);
    f.context->checkpoint->take_last(0);
    f.context->checkpoint->write(0);
  }
  Fixture f("", {"scenario.clock=wall"});
  prepare(f, std::make_shared<lane::Checkpoint>(file, pace, lane::read_checkpoint(file)));
  SUBCASE("as it was") {
    f.start(posts);
    CHECK(f.deliveries == std::vector<Delivery>{before[0]});  // which was answered
    CHECK(f.context->checkpoint->replays());
    CHECK(f.given->replayed == 0);
    answer_timer(f, 0, 5, false);
    CHECK(f.deliveries == std::vector<Delivery>{before[0], before[2]});  // without what was given up
    CHECK(f.given->replayed == 1);
    CHECK_FALSE(f.context->checkpoint->replays());
    f.advance(6.4);
    CHECK(f.deliveries.size() == 2);
    f.advance(0.2);
    REQUIRE(f.deliveries.size() == 3);
    CHECK(f.deliveries[2].time == doctest::Approx(10.1));
    CHECK(f.told->failures.empty());
  }
  SUBCASE("of another run") {
    f.start({timer(3, 1, 5)});
    REQUIRE(f.told->failures.size() == 1);
    CHECK(f.told->failures[0].find("the checkpoint does not fit the run") == 0);
  }
}

TEST_CASE("events and decisions reach the recorder in order, within a second, and all of them at the end") {
  Fixture f;
  f.context->events_file = "some";
  f.answers = false;
  f.answer_of = [](Delivery d) {
    Ack ack;
    ack.decisions = {{d.time, record::Decision::Kind::buffered, 0, 0, 0, 0, 0}};
    return ack;
  };
  f.start({timer(0, 1), timer(1, 2)});
  CHECK(f.given->batches.empty());
  f.advance(1);
  REQUIRE(f.given->batches.size() == 1);
  CHECK(f.given->batches[0]->size() == 1);
  f.answer(f.deliveries[0]);
  f.settle();
  f.answer(f.deliveries[1]);
  f.settle();
  CHECK(f.told->ends.size() == 1);
  std::string kinds;
  for (const auto& batch : f.given->batches)
    for (const auto& entry : *batch) kinds += std::holds_alternative<record::Event>(entry) ? 'e' : 'd';
  CHECK(kinds == "eded");
}

TEST_CASE("nothing is logged for a run that keeps no log") {
  Fixture f;
  f.start({timer(0, 1)});
  f.advance(2);
  CHECK(f.given->batches.empty());
}
