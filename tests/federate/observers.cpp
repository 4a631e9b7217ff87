// What watches merges and training only where it is asked for: guards, gates, EWC, auxiliary heads.
#include <limits>

#include "alone.hpp"
#include "engine/combine_job.hpp"
#include "federate/auxiliary_heads.hpp"
#include "federate/ewc.hpp"
#include "federate/gates.hpp"
#include "federate/guards.hpp"
#include "federate/task_extras.hpp"
#include "train/train_job.hpp"

using namespace afu;
using namespace afu::federate;
using test::token;

namespace {

Progress at(std::uint64_t updates, std::uint64_t version = 1, const model::ParametersPtr& model = token()) {
  Progress p;
  p.updates = updates;
  p.version = version;
  p.model = model;
  return p;
}

engine::GuardPtr guard() { return std::make_shared<engine::Guard>(); }

methods::GateUpdates gate(double passes) {
  methods::GateUpdates g;
  g.passes = passes;
  return g;
}

aggregate::MergePlan plan(std::vector<std::pair<std::uint32_t, double>> parts) {
  aggregate::MergePlan p;
  for (const auto& [client, coefficient] : parts) {
    aggregate::Part part;
    part.arrival.client = client;
    part.coefficient = coefficient;
    p.parts.push_back(part);
  }
  return p;
}

CalibrateResult scale(const CalibrateTask& task, double kept) {
  auto r = std::make_shared<job::JobResult>();
  r->figures["scale"] = kept;
  r->samples = 5;
  return {task.request, task.base_version, r, true};
}

const std::string ewc =
    "[training]\newc_strength = 0.5\newc_samples = 5\n[unlearning]\nmethod = \"none\"\n[[erasure]]\nclient = "
    "0\nat_update = 1\n";

CalibrateResult fisher(std::uint64_t version, const model::ParametersPtr& f) {
  auto r = std::make_shared<job::JobResult>();
  r->outputs = {f};
  return {no_request, version, r};
}

}  // namespace

TEST_CASE("guards stand in the order of their requests, and pull the model back when that is due") {
  Guards guards;
  const auto first = guard(), second = guard();
  const auto built_at = at(10);
  guards.raise(3, {second, 0.5, 4}, built_at);
  guards.raise(1, {first, 0, 4}, built_at);  // it pulls nothing
  CHECK(guards.all() == std::vector<engine::GuardPtr>{first, second});
  CHECK(guards.pulls(13).empty());
  const auto due = guards.pulls(14);
  REQUIRE(due.size() == 1);
  CHECK(due[0].guard == second);
  CHECK(due[0].towards == built_at.model);
  CHECK(due[0].strength == 0.5);
  CHECK(guards.pulls(17).empty());
  CHECK(guards.pulls(18).size() == 1);
}

TEST_CASE("a guard's figures stay when it is dropped, and go on in the next one") {
  Guards guards;
  CHECK_FALSE(guards.figures(2));
  guards.raise(2, {guard(), 0, 1}, at(0));
  guards.raise(5, {guard(), 0, 1}, at(0));
  job::JobResult merge;
  merge.figures = {
      {"guarded.0", 2}, {"cosine.0", 0.5}, {"removed.0", 0.25}, {"projected.0", 1}, {"guarded.1", 2}};
  guards.note(merge);
  CHECK(guards.figures(2)->updates == 2);
  CHECK(guards.figures(2)->cosine_sum == 0.5);
  CHECK(guards.figures(2)->removed_sum == 0.25);
  CHECK(guards.figures(2)->projected == 1);
  guards.drop(2);
  CHECK(guards.all().size() == 1);
  guards.note(merge);  // the other one is the first now
  CHECK(guards.figures(2)->updates == 2);
  CHECK(guards.figures(5)->updates == 4);
  guards.raise(2, {guard(), 0, 1}, at(0));
  guards.note(merge);
  CHECK(guards.figures(2)->updates == 4);
}

TEST_CASE("a gate looks at every merge; what it would not have is taken back once") {
  const auto setup = test::setup_of("[unlearning]\nmethod = \"none\"\n");
  Roster roster(setup);
  Gates gates;
  CHECK(gates.look(plan({{0, 1}}), token(), at(1)).empty());
  gates.open(0, gate(7));
  const auto tasks = gates.look(plan({{0, 0.5}, {1, 0.25}}), token(), at(1, 4));
  REQUIRE(tasks.size() == 1);
  CHECK(tasks[0].probe);
  CHECK(tasks[0].base_version == 4);
  CHECK(tasks[0].passes == 7);
  CHECK(tasks[0].job);
  const auto back = gates.answered(scale(tasks[0], 0.75), roster);
  REQUIRE(back);
  CHECK(back->correction);
  REQUIRE(back->parts.size() == 2);
  CHECK(back->parts[0].coefficient == -0.125);
  CHECK(back->parts[1].coefficient == -0.0625);
  CHECK_FALSE(gates.answered(scale(tasks[0], 0.5), roster));  // it has been dealt with
  CHECK(gates.figures(0)->probed == 1);
  CHECK(gates.figures(0)->scaled == 1);
  CHECK(gates.figures(0)->samples == 5);
  gates.close(0);
  CHECK(gates.look(plan({{0, 1}}), token(), at(1, 5)).empty());
  CHECK(gates.figures(0));
}

TEST_CASE("of two gates the strictest counts, and a contribution of who has asked since is left alone") {
  const auto setup = test::setup_of("[unlearning]\nmethod = \"none\"\n");
  Roster roster(setup);
  Gates gates;
  gates.open(0, gate(1));
  gates.open(1, gate(1));
  const auto tasks = gates.look(plan({{0, 1}, {1, 1}}), token(), at(1));
  REQUIRE(tasks.size() == 2);
  roster.exclude(0, methods::Scope::client);
  const auto first = gates.answered(scale(tasks[1], 0.5), roster);
  REQUIRE(first);
  REQUIRE(first->parts.size() == 1);
  CHECK(first->parts[0].arrival.client == 1);
  CHECK(first->parts[0].coefficient == -0.5);
  const auto second = gates.answered(scale(tasks[0], 0.25), roster);
  REQUIRE(second);
  CHECK(second->parts[0].coefficient == -0.25);  // of what there was at first
}

TEST_CASE("gates in a timing-only run cost, and take nothing back; a new lineage needs no answers") {
  const auto setup = test::setup_of("[unlearning]\nmethod = \"none\"\n");
  Roster roster(setup);
  Gates gates;
  gates.open(0, gate(3));
  auto tasks = gates.look(plan({{0, 1}}), nullptr, at(1, 2, nullptr));
  REQUIRE(tasks.size() == 1);
  CHECK_FALSE(tasks[0].job);
  CHECK_FALSE(gates.answered({0, 2, nullptr, true}, roster));
  CHECK(gates.figures(0)->probed == 0);
  tasks = gates.look(plan({{0, 1}}), token(), at(1, 3));
  gates.forget_merges();
  CHECK_FALSE(gates.answered(scale(tasks[0], 0.5), roster));
}

TEST_CASE("EWC: the version that was asked about is the anchor once the answer is there") {
  const auto setup = test::setup_of(ewc);
  Roster roster(setup);
  Ewc anchor(*setup.scenario);
  const auto version = at(1, 9);
  const auto task = anchor.ask(version, roster, 3);
  REQUIRE(task);
  CHECK(task->request == no_request);
  CHECK(task->passes == 15);  // five images, all three labels
  CHECK(task->job);
  CHECK_FALSE(anchor.anchor());
  const auto f = token();
  anchor.answered(fisher(8, token()));  // of another version
  CHECK_FALSE(anchor.anchor());
  anchor.answered(fisher(9, f));
  REQUIRE(anchor.anchor());
  CHECK(anchor.anchor()->anchor == version.model);
  CHECK(anchor.anchor()->fisher == f);
  CHECK(anchor.anchor()->strength == 0.5);
  anchor.drop();
  CHECK_FALSE(anchor.anchor());
}

TEST_CASE("EWC: an answer that a request has overtaken voids itself; a timing-only run pays and has none") {
  const auto setup = test::setup_of(ewc);
  Roster roster(setup);
  Ewc anchor(*setup.scenario);
  anchor.ask(at(1, 9), roster, 3);
  anchor.drop();
  anchor.answered(fisher(9, token()));
  CHECK_FALSE(anchor.anchor());
  const auto task = anchor.ask(at(1, 10, nullptr), roster, 3);
  REQUIRE(task);
  CHECK_FALSE(task->job);
  CHECK(task->passes == 15);
  anchor.answered({no_request, 10, nullptr});
  CHECK_FALSE(anchor.anchor());
}

TEST_CASE("a task has room for one anchor: the method's own, else the one that training is held near") {
  TaskExtras extras;
  CHECK_FALSE(extras.now());
  auto anchor = std::make_shared<train::TrainExtras>();
  anchor->anchor = token(), anchor->fisher = token(), anchor->strength = 0.5;
  extras.hold_near(anchor);
  CHECK(extras.now() == anchor);
  auto pruned = std::make_shared<train::TrainExtras>();
  pruned->mask = token(), pruned->lr_factor = 0.1;
  extras.retune(pruned);
  CHECK(extras.now()->mask == pruned->mask);
  CHECK(extras.now()->lr_factor == 0.1);
  CHECK(extras.now()->anchor == anchor->anchor);
  CHECK(extras.now()->strength == 0.5);
  auto own = std::make_shared<train::TrainExtras>();
  own->anchor = token();
  extras.retune(own);
  CHECK(extras.now() == own);
  extras.retune(nullptr);
  CHECK(extras.now() == anchor);
  extras.hold_near(nullptr);
  CHECK_FALSE(extras.now());
}

TEST_CASE("auxiliary heads: a task begins with the client's last one, on the rows that it will ask for") {
  methods::Needs needs;
  needs.auxiliary_head = true;
  needs.auxiliary_gamma = 0.25;
  needs.auxiliary_backbone = false;
  AuxiliaryHeads heads(needs);
  methods::Request r;
  r.client = 2;
  CHECK_FALSE(heads.task(r));  // nobody knows what
  r.forget = test::indices({1, 2});
  auto task = heads.task(r);
  REQUIRE(task);
  CHECK(task->relabelled == r.forget);
  CHECK(task->gamma == 0.25);
  CHECK_FALSE(task->backbone);
  CHECK_FALSE(task->head);
  const auto head = token();
  heads.take(2, head);
  heads.take(2, nullptr);  // a task without one
  CHECK(heads.task(r)->head == head);
  r.scope = methods::Scope::samples;
  CHECK(heads.task(r)->gamma == 1);
  heads.forget(2);
  CHECK_FALSE(heads.find(2));
}
