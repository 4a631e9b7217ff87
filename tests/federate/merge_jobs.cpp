// What is merged: the queue, the jobs that merges are computed by, late updates, the rule of one model.
#include <memory>

#include "alone.hpp"
#include "engine/combine_job.hpp"
#include "federate/late_updates.hpp"
#include "federate/memory.hpp"
#include "federate/merges.hpp"
#include "federate/one_model.hpp"

using namespace afu;
using namespace afu::federate;
using test::token;
using Kind = record::Decision::Kind;

namespace {

config::TrainingSection training(const std::string& rule) {
  config::TrainingSection t;
  t.rule = config::named<config::Rule>(rule, "rule");
  t.staleness = config::StalenessForm::constant;
  t.weight_by_samples = false;
  t.server_lr = 0.5;
  t.mixing = 0.5;
  t.buffer_size = 2;
  return t;
}

aggregate::Arrival update(std::uint32_t client, const ParametersPtr& delta = token()) {
  aggregate::Arrival a;
  a.client = client;
  a.samples = 100;
  a.delta = delta;
  return a;
}

Progress at(const ParametersPtr& model = token()) {
  Progress p;
  p.model = model;
  p.version = 5;
  return p;
}

}  // namespace

TEST_CASE("merges are made one at a time, in order; those that were not made are counted") {
  MergeQueue queue;
  CHECK(queue.empty());
  UpdateMerge two;
  two.plan.parts.resize(2);
  queue.push(two);
  queue.push(CorrectionMerge{two.plan});
  queue.push(RollBackMerge{7, 1});
  CHECK(queue.updates() == 2);  // a correction brings none of its own
  CHECK_FALSE(queue.busy());
  CHECK(std::holds_alternative<UpdateMerge>(queue.begin()));
  CHECK(queue.busy());
  CHECK(std::holds_alternative<UpdateMerge>(queue.end()));
  CHECK_FALSE(queue.busy());
  CHECK(queue.updates() == 0);
  queue.begin(), queue.end();
  CHECK(std::get<RollBackMerge>(queue.current()).request == 7);
}

TEST_CASE(
    "a merge of an update adds its difference and its share of the buffers; late ones bring no buffers") {
  OneModel model(training("async_delta"), 100, 4);
  aggregate::Ledger ledger;
  const auto now = at(), delta_at = at();
  const auto delta = token(), erased = token();
  auto plan = model.add(update(1, delta), 0);
  REQUIRE(plan);
  UpdateMerge merge{*plan, {Kind::merged}};
  CHECK_FALSE(rule_question(merge, model, now));
  auto job = update_job(merge, model, ledger, nullptr, now);
  REQUIRE(job.outputs.size() == 1);
  CHECK(job.outputs[0].start == now.model);
  CHECK(job.outputs[0].keep == 1);
  REQUIRE(job.outputs[0].terms.size() == 1);
  CHECK(job.outputs[0].terms[0].vector == delta);
  CHECK(job.outputs[0].terms[0].coefficient == 0.5);
  CHECK(job.outputs[0].buffers.size() == 1);
  CHECK(merge.rule_outputs == 1);

  merge.plan.parts[0].arrival.late = true;
  merge.plan.parts[0].arrival.guard = erased;
  job = update_job(merge, model, ledger, nullptr, now);
  CHECK(job.outputs[0].terms[0].guard == erased);
  CHECK(job.outputs[0].buffers.empty());
}

TEST_CASE("a merge of updates passes all guards that stand") {
  OneModel model(training("async_delta"), 100, 4);
  aggregate::Ledger ledger;
  Guards guards;
  const auto guard = std::make_shared<const engine::Guard>();
  const auto built = at();
  guards.raise(0, {guard, 0.5, 0}, built);
  UpdateMerge merge{*model.add(update(1), 0), {Kind::merged}};
  const auto job = update_job(merge, model, ledger, &guards, at());
  CHECK(job.outputs[0].terms[0].guards == std::vector<engine::GuardPtr>{guard});
  REQUIRE(job.outputs[0].pulls.size() == 1);
  CHECK(job.outputs[0].pulls[0].towards == built.model);
}

TEST_CASE("where whole models are mixed a late base is given what was done since") {
  OneModel model(training("fedasync"), 100, 4);
  aggregate::Ledger ledger;
  LateUpdates late(config::LatePolicy::rebase);
  const auto base = token(), delta = token(), first = token(), second = token(), calibration = token();
  late.erased(1);
  late.corrected(1, first);
  late.erased(2);
  late.corrected(1, second);
  late.corrected(0.25, calibration);
  late.corrected(1, nullptr);  // nothing was added
  auto a = update(1, delta);
  a.base = base;
  CHECK(late.take(a, 1) == Kind::late_rebased);  // its base had the first one already
  CHECK(a.late);
  UpdateMerge merge{*model.add(a, 0), {Kind::late_rebased}};
  const auto job = update_job(merge, model, ledger, nullptr, at());
  CHECK(job.outputs[0].keep == 0.5);
  const auto& terms = job.outputs[0].terms;
  REQUIRE(terms.size() == 4);
  CHECK(terms[0].vector == base);
  CHECK(terms[1].vector == second);
  CHECK(terms[1].coefficient == 0.5);
  CHECK(terms[2].vector == calibration);
  CHECK(terms[2].coefficient == 0.125);
  CHECK(terms[3].vector == delta);
  CHECK(job.outputs[0].buffers.empty());
}

TEST_CASE("late updates: accepted, dropped, or held against the erasure and added as differences") {
  auto a = update(1);
  CHECK(LateUpdates(config::LatePolicy::accept).take(a, 0) == Kind::late_accepted);
  auto dropped = update(1);
  CHECK(LateUpdates(config::LatePolicy::drop).take(dropped, 0) == Kind::late_dropped);

  LateUpdates guard(config::LatePolicy::guard);
  auto before = update(1);
  CHECK(guard.take(before, 0) == Kind::late_guarded);
  CHECK_FALSE(before.guard);
  const auto erasure = token();
  guard.erased(1);
  guard.corrected(1, erasure);
  guard.corrected(1, token());
  auto late = update(1);
  guard.take(late, 0);
  CHECK(late.guard == erasure);
  aggregate::MergePlan plan;
  plan.whole_model = true;
  plan.keep = 0.5;
  LateUpdates::settle(Kind::late_rebased, plan);
  CHECK(plan.whole_model);
  LateUpdates::settle(Kind::late_guarded, plan);
  CHECK_FALSE(plan.whole_model);
  CHECK(plan.keep == 1);

  guard.reset();
  auto again = update(1);
  guard.take(again, 0);
  CHECK_FALSE(again.guard);
}

TEST_CASE("an erasure by its difference, by the ledger's influence, with a calibration done in private") {
  aggregate::Ledger ledger;
  const auto now = at();
  const auto delta = token(), calibration = token();
  RequestMerge merge{0, true, delta};
  auto job = request_job(merge, 2, false, ledger, {}, now);
  REQUIRE(job.outputs.size() == 1);  // the difference is known
  CHECK(job.outputs[0].start == now.model);
  CHECK(job.outputs[0].terms.at(0).vector == delta);
  CHECK(job.outputs[0].terms.at(0).coefficient == 1);

  merge.calibration = calibration;
  merge.statistics = token();
  const auto guard = std::make_shared<const engine::Guard>();
  job = request_job(merge, 2, false, ledger, {guard}, now);
  REQUIRE(job.outputs.size() == 2);  // what a rebase has to add
  CHECK(job.outputs[1].start == nullptr);
  REQUIRE(job.outputs[0].terms.size() == 2);
  CHECK(job.outputs[0].terms[0].guards.empty());      // an erasure passes no guard,
  CHECK(job.outputs[0].terms[1].guards.size() == 1);  // its calibration does
  REQUIRE(job.outputs[0].buffers.size() == 1);
  CHECK(job.outputs[0].buffers[0].second == merge.statistics);

  RequestMerge later{0, false, delta, 0.5};
  job = request_job(later, 2, false, ledger, {guard}, now);
  CHECK(job.outputs[0].terms.at(0).coefficient == 0.5);
  CHECK(job.outputs[0].terms.at(0).guards.size() == 1);
  CHECK(job.outputs.size() == 2);
}

TEST_CASE("one model: barrier rounds in the training rule's place, until they end") {
  const auto t = training("async_delta");
  OneModel model(t, 100, 4);
  CHECK_FALSE(model.end_rounds());
  model.begin_again(100, 3, true);
  CHECK(model.rule().synchronous());
  CHECK_FALSE(model.add(update(1), 0));
  CHECK_FALSE(model.add(update(2), 0));
  CHECK(model.buffered() == 2);
  CHECK(model.forget(1) == 1);
  const auto plan = model.flush();
  REQUIRE(plan);
  CHECK(plan->parts.size() == 1);
  CHECK(model.end_rounds());
  CHECK_FALSE(model.rule().synchronous());
  CHECK(model.add(update(1), 0));
  const auto rounds = training("fedavg");
  OneModel synchronous(rounds, 100, 4);
  synchronous.begin_again(100, 4, true);
  CHECK_FALSE(synchronous.end_rounds());  // it has them anyway
}

TEST_CASE("one model: staleness and lateness are counted in its versions and epochs") {
  const auto t = training("async_delta");
  OneModel model(t, 100, 4);
  auto now = at();
  now.epoch = 2;
  CHECK(model.hand_out(1, now).model == now.model);
  CHECK(model.hand_out(1, now).version == 5);
  CHECK(model.staleness(1, 3, now) == 2);
  CHECK(model.late(1, now));
  CHECK_FALSE(model.late(2, now));
  CHECK_FALSE(model.predates(1, 0));
  CHECK(model.together(0, 3));
  const auto next = token();
  CHECK(model.merged({}, {next, token()}, 6) == next);
  CHECK(model.merged({}, {}, 6) == nullptr);
}

TEST_CASE("bases of tasks are kept for rules that mix whole models, and for last updates") {
  const auto delta = training("async_delta"), mixing = training("fedasync");
  OneModel differences(delta, 100, 4), whole(mixing, 100, 4);
  methods::Needs needs;
  CHECK_FALSE(Memory(needs, {1}, differences.rule(), 4).keeps_bases());
  needs.influence = true;
  const Memory memory(needs, {1}, whole.rule(), 4);
  CHECK(memory.keeps_bases());
  const auto model = token();
  CHECK(memory.base(model, whole.rule()).model == model);
  CHECK(memory.base(model, whole.rule()).influence.size() == 1);
  CHECK(memory.base(model, differences.rule()).influence.empty());
  needs.last_update = true;
  CHECK(Memory(needs, {1}, differences.rule(), 4).keeps_bases());
}
