// Requests alone: when they are due, whose turn it is, where one stands, what is recorded of its calibrations.
#include <utility>

#include "alone.hpp"
#include "config/scenario.hpp"
#include "federate/calibrations.hpp"
#include "federate/requests.hpp"
#include "federate/served_request.hpp"

using namespace afu;
using namespace afu::federate;
using test::asks;

namespace {

std::string method(const std::string& name) { return "[unlearning]\nmethod = \"" + name + "\"\n"; }

struct Federation {
  explicit Federation(const std::string& text, const std::vector<std::string>& set = {})
      : setup(test::setup_of(text, {100, 100, 100, 100}, set)),
        requests(setup, methods::find_method(setup.scenario->unlearning.method)) {}
  /// The server has taken it.
  void take(std::size_t i, Stage stage = stage::Queued{}) {
    auto& r = requests[i];
    r.procedure = methods::find_method(setup.scenario->unlearning.method).start(r.request);
    r.stage = std::move(stage);
  }
  Setup setup;
  Requests requests;
};

std::uint32_t request_of(const Post& p) { return std::get<EraseRequest>(p.payload).request; }

}  // namespace

TEST_CASE("requests: posted once their update is accepted or their round is over, each once") {
  Federation f(method("none") + asks("client = 1", 3) + "[[erasure]]\nclient = 2\nat_seconds = 4.5\n" +
               "[[erasure]]\nscope = \"class\"\nclass = 1\nat_update = 5\n");
  const auto timed = f.requests.scheduled();
  REQUIRE(timed.size() == 1);
  CHECK(request_of(timed[0]) == 1);
  CHECK(timed[0].at == 4.5);
  CHECK_FALSE(timed[0].first);
  CHECK(f.requests.due(2, 0).empty());
  const auto due = f.requests.due(3, 0);
  REQUIRE(due.size() == 1);
  CHECK(due[0].first);  // ahead of all else at that time
  CHECK(due[0].from == record::first_client_node + 1);
  CHECK(f.requests.due(4, 0).empty());
  const auto of_class = f.requests.due(5, 0);
  REQUIRE(of_class.size() == 1);
  CHECK(of_class[0].from == record::server_node);
  CHECK(f.requests[0].in<stage::Posted>());
  Federation rounds("[training]\nrule = \"fedavg\"\n" + method("none") +
                    "[[erasure]]\nclient = 0\nat_round = 2\n");
  CHECK(rounds.requests.due(100, 1).empty());
  CHECK(rounds.requests.due(100, 2).size() == 1);
}

TEST_CASE("requests: what each covers is counted") {
  Federation f(method("none") + asks("client = 1") +
               asks("client = 2\nscope = \"samples\"\nfraction = 0.25") +
               asks("scope = \"class\"\nclass = 2"));
  CHECK(f.requests[0].record.samples == 100);
  CHECK(f.requests[1].record.samples == 25);
  CHECK(f.requests[2].record.samples == 133);  // a third of all
  CHECK(f.requests[2].record.client == -1);
  CHECK(f.requests[2].request.client == methods::no_client);
  REQUIRE(f.requests.ahead(2));
  CHECK(f.requests.ahead(2)->index == 1);
  CHECK_FALSE(f.requests.ahead(3));
}

TEST_CASE("requests: who asks for what others erase already has nothing left") {
  Federation f(method("none") + asks("client = 1") + asks("client = 1\nscope = \"samples\"\nfraction = 0.5") +
               asks("client = 2") + asks("scope = \"class\"\nclass = 1") +
               asks("scope = \"class\"\nclass = 1"));
  auto& r = f.requests;
  CHECK(r.taken_before(r[1]).empty());
  f.take(0);
  CHECK(r.taken_before(r[1]) == std::vector<std::size_t>{0});
  CHECK(r.taken_before(r[2]).empty());
  CHECK(r.taken_before(r[4]).empty());
  f.take(3);
  CHECK(r.taken_before(r[4]) == std::vector<std::size_t>{3});
}

TEST_CASE("requests: rows that earlier ones have erased are left out, and may leave nothing") {
  Federation f(method("none") + asks("scope = \"class\"\nclass = 1") +
               asks("client = 1\nscope = \"samples\"\nfraction = 0.5"));
  f.setup.forget = {test::indices({1, 2, 7}), test::indices({1, 2, 3})};
  auto& r = f.requests;
  r[1].request.forget = f.setup.forget[1];
  f.take(0);
  r.leave_out_erased(r[1]);
  CHECK(r[1].request.forget_count == 1);
  CHECK(r.taken_before(r[1]).empty());
  f.setup.forget[0] = test::indices({3});
  r.leave_out_erased(r[1]);
  CHECK(r[1].request.forget_count == 0);
  CHECK(r.taken_before(r[1]) == std::vector<std::size_t>{0});
}

TEST_CASE("requests: those that restart or halt are served one after the other, others at a time") {
  const auto two = asks("client = 1") + asks("client = 2") + asks("client = 3");
  Federation f(method("retrain") + two);
  f.take(0, stage::Ready{});
  CHECK_FALSE(f.requests.must_wait(f.requests[0]));
  f.take(1);
  f.take(2);
  CHECK(f.requests.must_wait(f.requests[1]));
  f.requests[0].stage = stage::Done{};
  CHECK(f.requests.must_wait(f.requests[1]));  // for the third, which came first as far as anybody knows
  f.requests.call_next();
  CHECK(f.requests[1].in<stage::Ready>());
  CHECK(f.requests[2].in<stage::Queued>());
  Federation concurrent(method("subtract") + two);
  concurrent.take(0, stage::Ready{});
  concurrent.take(1);
  CHECK_FALSE(concurrent.requests.must_wait(concurrent.requests[1]));
}

TEST_CASE("requests: the phase of the run is told by the request that is furthest from its end") {
  Federation f(method("retrain") + asks("client = 1") + asks("client = 2"));
  CHECK(f.requests.phase() == "training");
  f.take(0, stage::Ready{});
  CHECK(f.requests.phase() == "erasing");
  CHECK_FALSE(f.requests.retraining());
  f.requests[0].training = Training::made_again;
  CHECK(f.requests.retraining());
  f.requests[0].forgotten(3);
  CHECK(f.requests.phase() == "forgotten");
  CHECK_FALSE(f.requests.retraining());
  f.take(1, stage::Merging{});
  CHECK(f.requests.phase() == "erasing");
  f.requests[1].stage = stage::Done{};
  CHECK(f.requests.phase() == "forgotten");
}

TEST_CASE("a served request: the first version without the target counts once") {
  ServedRequest r;
  r.erased(2);
  r.erased(3);
  CHECK(r.record.merged_at == 2);
  CHECK_FALSE(r.record.forgotten_at);
  r.forgotten(4);
  CHECK(r.record.merged_at == 2);
  CHECK(r.record.forgotten_at == 4);
  ServedRequest at_once;
  at_once.forgotten(5);
  CHECK(at_once.record.merged_at == 5);
}

TEST_CASE("a served request: intervals in which all others are kept from training") {
  ServedRequest r;
  r.end_interval(1);  // there is none
  r.begin_interval(2);
  r.begin_interval(3);
  r.end_interval(5);
  r.begin_interval(7);
  REQUIRE(r.halted.size() == 1);
  CHECK(r.halted[0].begin == 2);
  CHECK(r.halted[0].end == 5);
  CHECK(r.interval_began == 7);
}

TEST_CASE("a served request: a barrier ends with the last answer, and hands them on by client") {
  ServedRequest r;
  CHECK_FALSE(r.collecting({0, 1, 1, nullptr}));
  stage::Collecting c;
  c.out.emplace(3, CollectTask{0, 7, 10, nullptr, 0});
  c.out.emplace(1, CollectTask{0, 2, 20, nullptr, 0});
  r.stage = c;
  CHECK_FALSE(r.collecting({0, 3, 6, nullptr}));  // of work that was asked for anew
  CHECK_FALSE(r.collecting({0, 2, 7, nullptr}));
  const CollectResult third{0, 3, 7, std::make_shared<job::JobResult>()}, first{0, 1, 2, nullptr};
  REQUIRE(r.collecting(third));
  CHECK(r.collecting(third)->passes == 10);
  CHECK_FALSE(r.collect(third));
  CHECK_FALSE(r.collecting(third));
  CHECK(r.collect(first));
  const auto answers = r.begin_step();
  CHECK(r.in<stage::Stepping>());
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].first == 1);
  CHECK(answers[1].first == 3);
  CHECK(answers[1].second == third.result);
  CHECK(r.begin_step().empty());
}

TEST_CASE("calibrations: recorded when they are merged, those done in private with them") {
  Calibrations c;
  record::CalibrationTotals totals;
  std::uint64_t number = 4;
  Progress at;
  at.updates = 10, at.version = 20, at.now = 1;
  CHECK(c.merged(at, 1, number, totals).empty());  // an erasure without one
  c.count_from(at);
  at.updates = 12, at.epoch = 1;
  c.begin(at, 3, 8, 64);
  job::JobResult computed;
  computed.figures["loss_after"] = 0.5;
  computed.samples = 70;
  c.answered(computed);
  job::JobResult of_a_trigger;  // the answer to another question
  of_a_trigger.samples = 999;
  c.answered(of_a_trigger);
  at.updates = 15, at.version = 23, at.now = 2;
  c.begin(at, 3, 8, 64);
  at.version = 25, at.now = 4;
  const auto all = c.merged(at, 0.75, number, totals);
  REQUIRE(all.size() == 2);
  CHECK(number == 6);
  CHECK(all[0].number == 5);
  CHECK(all[0].updates_since == 2);
  CHECK(all[0].staleness == 4);  // 20 to 24
  CHECK(all[0].ended == 2);      // when the next one began
  CHECK(all[0].loss_after == 0.5);
  CHECK_FALSE(all[0].loss_before);
  CHECK(all[1].updates_since == 3);
  CHECK(all[1].staleness == 1);
  CHECK(all[1].merged_version == 25);
  CHECK(all[1].weight == 0.75);
  CHECK(all[1].samples == 0);
  CHECK(totals.count == 2);
  CHECK(totals.steps == 16);
  CHECK(totals.samples == 70);
  CHECK(totals.seconds == 3);
  CHECK(c.merged(at, 1, number, totals).empty());
}
