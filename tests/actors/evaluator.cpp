/// The evaluator alone: its dispatcher is a fake, and the test says when a measurement is there.
#include "tests/actors/alone.hpp"

using namespace afu;
using namespace afu::test;

namespace {

struct Fixture : Alone {
  std::shared_ptr<Context> context = context_of("[stop]\nupdates = 9\n");
  std::vector<Submission> submitted;
  std::vector<std::uint64_t> joined;
  int drains = 0;
  std::shared_ptr<Told> told;
  std::shared_ptr<Given> given;
  evaluator_actor evaluator;

  explicit Fixture(const std::vector<std::string>& set = {}, attack::PlanPtr attacks = nullptr) {
    context = context_of("[stop]\nupdates = 9\n", set);
    auto sets = std::make_shared<metrics::EvaluationSets>();
    sets->requests = {{nullptr, nullptr, true}, {nullptr, nullptr, false}};
    context->evaluation = sets;
    context->attacks = std::move(attacks);
    auto behaviour = [this](dispatcher_actor::pointer) -> dispatcher_actor::behavior_type {
      return {
          [this](const Submission& s) { submitted.push_back(s); },
          [this](atom::join, std::uint64_t id, const job_owner_actor&, bool now) {
            CHECK_FALSE(now);  // measuring delays nobody
            joined.push_back(id);
          },
          [](atom::cancel, std::uint64_t) {},
          [](const Finished&) {},
          [this](atom::drain) { ++drains; },
          [](atom::report) {},
      };
    };
    const auto dispatcher = keep(dispatcher_actor{sys.spawn(behaviour)});
    auto [federation, t] = fake_federation(*this);
    auto [recorder, g] = fake_recorder(*this);
    told = t, given = g;
    evaluator = keep(spawn_evaluator(sys, context, dispatcher, recorder, federation));
    settle();
  }
  void measure(std::uint64_t version, bool before_erasure = false,
               std::optional<std::uint32_t> request = {}) {
    auto e = std::make_shared<federate::Evaluation>();
    e->row.version = e->row.updates = version;
    e->row.time = 10.0 * static_cast<double>(version);
    e->row.phase = "training";
    e->model = vector(static_cast<float>(version));
    e->before_erasure = before_erasure;
    e->request = request;
    tell(evaluator, atom::measure_v, EvaluationPtr{e});
  }
  void answer(std::size_t number, ResultPtr result) {
    tell(evaluator, atom::joined_v, submitted.at(number).id, std::move(result));
  }
  std::vector<std::uint64_t> recorded() const {
    std::vector<std::uint64_t> versions;
    for (const auto& row : given->rows) versions.push_back(row.version);
    return versions;
  }
};

using Versions = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("versions are recorded in the order in which they were published, whatever is measured first") {
  Fixture f;
  f.measure(1), f.measure(2), f.measure(3);
  f.answer(1, result_of(2)), f.answer(2, result_of(3));
  CHECK(f.recorded().empty());
  f.answer(0, result_of(1));
  CHECK(f.recorded() == Versions{1, 2, 3});
  CHECK(f.given->rows[0].test_loss == 1.0);
  CHECK(f.given->rows[2].test_loss == 3.0);
}

TEST_CASE("each measurement is joined, and wanted at the version's own time") {
  Fixture f;
  f.measure(1), f.measure(2);
  REQUIRE(f.submitted.size() == 2);
  CHECK(f.joined == Versions{f.submitted[0].id, f.submitted[1].id});
  CHECK(f.submitted[0].id != f.submitted[1].id);
  CHECK(f.submitted[1].completes_at == 20);
  const auto* job = f.submitted[0].job->as<metrics::EvaluateJob>();
  REQUIRE(job);
  CHECK(job->sets == f.context->evaluation);
}

TEST_CASE("on the wall clock measuring takes a lane that nothing else wants") {
  Fixture f({"scenario.clock=wall"});
  f.measure(1);
  CHECK(f.submitted.at(0).completes_at == std::numeric_limits<double>::infinity());
}

TEST_CASE("figures stand in their columns; what does not apply is absent") {
  Fixture f;
  f.measure(1);
  auto result = std::make_shared<job::JobResult>();
  result->figures = {{"test_accuracy", 0.1},      {"balanced_accuracy", 0.2},   {"forget_accuracy", 0.3},
                     {"retain_accuracy", 0.4},    {"attack_success_rate", 0.5}, {"mia_auc", 0.6},
                     {"test_auc", 0.8},           {"calibration_error", 0.9},   {"forget_accuracy.0", 0.11},
                     {"forget_accuracy.1", 0.12}, {"mia_auc.1", 0.13}};
  f.answer(0, result);
  const auto& row = f.given->rows.at(0);
  CHECK((row.version == 1 && row.time == 10 && row.phase == "training"));
  CHECK((row.test_accuracy == 0.1 && row.balanced_accuracy == 0.2 && row.forget_accuracy == 0.3));
  CHECK((row.retain_accuracy == 0.4 && row.attack_success_rate == 0.5 && row.mia_auc == 0.6));
  CHECK((row.test_auc == 0.8 && row.calibration_error == 0.9));
  CHECK_FALSE(row.test_loss);
  REQUIRE(row.requests.size() == 2);
  CHECK((row.requests[0].forget_accuracy == 0.11 && row.requests[0].attack_success_rate == 0.5));
  CHECK_FALSE(row.requests[0].mia_auc);
  CHECK((row.requests[1].forget_accuracy == 0.12 && row.requests[1].mia_auc == 0.13));
  CHECK_FALSE(row.requests[1].attack_success_rate);  // it does not cover the whole backdoor
}

TEST_CASE("a version that is asked for twice is measured once, and is found by each request that found it") {
  Fixture f;
  f.measure(1);
  f.measure(1, true, 0);
  f.measure(1, false, 1);
  CHECK(f.submitted.size() == 1);
  f.answer(0, result_of(0.5));
  f.measure(1, false, 2);  // measured already
  CHECK(f.submitted.size() == 1);
  f.tell(f.evaluator, atom::drain_v);
  REQUIRE(f.told->reports.size() == 1);
  const auto& r = *f.told->reports[0];
  CHECK(r.rows.size() == 1);
  CHECK(r.has_before);
  CHECK(r.before.version == 1);
  REQUIRE(r.found.size() == 3);
  CHECK(r.found.at(2).test_loss == 0.5);
}

TEST_CASE("a measurement that fails ends the run with the reason") {
  Fixture f;
  f.measure(1);
  f.answer(0, failed_result("no such device"));
  CHECK(f.told->failures == std::vector<std::string>{"evaluator: no such device"});
  CHECK(f.recorded().empty());
}

TEST_CASE("once drained it reports when all is measured, and has the dispatcher drop the rest") {
  Fixture f;
  f.measure(1), f.measure(2);
  f.tell(f.evaluator, atom::drain_v);
  CHECK(f.drains == 1);
  f.answer(0, result_of(1));
  CHECK(f.told->reports.empty());
  f.answer(1, result_of(2));
  REQUIRE(f.told->reports.size() == 1);
  CHECK(f.told->reports[0]->rows.size() == 2);
  CHECK(f.told->reports[0]->final.version == 2);
  CHECK_FALSE(f.told->reports[0]->has_before);
}

TEST_CASE("in a hurry it reports at once what is measured so far, and does not report again") {
  Fixture f;
  f.measure(1), f.measure(2);
  f.answer(0, result_of(1));
  f.tell(f.evaluator, atom::drain_v);
  f.tell(f.evaluator, atom::halt_v);
  REQUIRE(f.told->reports.size() == 1);
  CHECK(f.told->reports[0]->rows.size() == 1);
  f.answer(1, result_of(2));
  CHECK(f.told->reports.size() == 1);
}

TEST_CASE("the models at the points of attack are reported where they are kept") {
  auto plan = std::make_shared<attack::Plan>();
  plan->keep_models = true;
  Fixture f({}, plan);
  f.measure(1, true, 0);
  f.answer(0, result_of(1));
  f.tell(f.evaluator, atom::drain_v);
  REQUIRE(f.told->reports.size() == 1);
  std::vector<std::string> points;
  for (const auto& [name, model] : f.told->reports[0]->snapshots) points.push_back(name);
  CHECK(points == std::vector<std::string>{"before", "final"});
}
