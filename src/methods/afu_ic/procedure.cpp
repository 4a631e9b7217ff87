/// AFU-IC: the ledger's entry is subtracted while everybody else trains on, then the server calibrates on
/// held-out data (README.md, The algorithm). The calibration's arms and the ideas of improvement are options
/// of [unlearning.afu_ic] and [calibration].
///
/// What is published first is the bare subtraction, publish = "at_once", or, publish = "calibrated", a
/// version that has been calibrated before anybody saw it. With the latter the old model is served meanwhile,
/// and clients train on it: the calibration is computed at w_v + e, v the version that it begins from, as a
/// difference c, and what is merged in the end is the then current w + e + c. So the updates accepted
/// meanwhile are in the erased model as well as in the served one. Rules that mix whole models merge e as the
/// ledger has it then, and carry e + c to the bases of tasks that are still out (README.md, step 6). The bare
/// subtraction often gives every image the same class, so the default, "auto", is "calibrated" where that can
/// be.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "config/declare.hpp"
#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"
#include "engine/combine_job.hpp"
#include "methods/afu_ic/erasures.hpp"
#include "methods/afu_ic/match_job.hpp"
#include "methods/afu_ic/settings.hpp"
#include "methods/afu_ic/uce_job.hpp"
#include "methods/calibration_run.hpp"
#include "methods/registry.hpp"
#include "methods/script.hpp"
#include "methods/shared.hpp"

namespace afu::methods {
namespace {

bool guarded(const config::CalibrationSection& c) {
  return c.research->guard_rank > 0 || c.research->guard_measure;
}
/// What a gate looks at is no part of a placebo.
bool gated(const config::CalibrationSection& c) { return c.research->gate && !c.placebo; }

bool by_ledger(const View& view) { return erasure_of(*view.settings) == Erasure::ledger; }

/// Of clients, and of shards, that the ledger has not seen nothing is in the model.
bool took_part(const View& view) {
  if (!by_ledger(view)) return true;
  const auto all = taken_out(view);
  return std::any_of(all.begin(), all.end(), [&](const aggregate::TakenOut& part) {
    if (part.contributions == 0 || part.shards.empty() || !view.model) return part.contributions > 0;
    return std::any_of(part.shards.begin(), part.shards.end(), [](const auto& s) { return s.influence; });
  });
}

std::int64_t rounds(const View& view) {
  return erasure_of(*view.settings) == Erasure::ledger ? 1 : view.settings->integer("erasure_rounds");
}

/// A target that holds nothing out has no level to aim at.
bool matches(const View& view, const Request& request) {
  const bool none = request.non_members && request.non_members->empty();
  return view.settings->integer("match_steps") > 0 && !none;
}

MergeErasure merge(const View& view, ParametersPtr erasure, std::vector<aggregate::TakenOut> taken,
                   ParametersPtr calibration) {
  MergeErasure step{std::move(erasure), std::nullopt};
  if (erasure_of(*view.settings) == Erasure::ledger && !gain_by_layer(*view.settings))
    step.influence_gain = view.settings->real("gain");
  step.calibration = std::move(calibration);
  step.taken = std::move(taken);
  return step;
}

GuardErasure guard(const config::CalibrationSection& c, const ParametersPtr& erasure,
                   std::vector<ParametersPtr> basis) {
  GuardErasure step;
  step.restore = c.research->guard_restore;
  step.restore_every = static_cast<std::uint64_t>(c.research->guard_restore_every);
  if (erasure) {
    engine::Guard g{erasure, {}};
    if (c.research->guard_rank > 0) g.basis = std::move(basis);
    step.guard = std::make_shared<const engine::Guard>(std::move(g));
  }
  return step;
}

Erase begun(const ParametersPtr& model, const ParametersPtr& erasure) {
  engine::CombineJob job;
  if (model) job.outputs.push_back({model, 1.0, {{1.0, erasure, nullptr}}, {}});
  return {std::move(job), 0, false};
}

/// On a draft, as if that were published.
Script calibrate_in_private(Draft& draft, const ParametersPtr& erasure, CalibrationRun& run, const Now& now) {
  const auto* begin = co_yield begun(now->model, erasure);
  draft.model = first_output(begin);
  run.erased(draft.model);
  co_await run.calibrate(now->scenario->calibration.steps, true, &draft, now);
}

/// One round: an erasure, its merge, and the calibration before or behind that.
Script erase_and_calibrate(const Request& request, std::int64_t round, CalibrationRun& run, const Now& now) {
  const auto& c = now->scenario->calibration;
  const bool in_private = publishes_calibrated(*now->settings, c);
  auto taken = by_ledger(now.view()) ? taken_out(now.view()) : std::vector<aggregate::TakenOut>{};
  const auto* erased = co_yield next_erasure(now.view(), request, round);
  const auto e = first_output(erased);
  std::vector<ParametersPtr> basis{e};
  if (c.research->guard_rank > 1) {
    const auto* sketch = co_yield erasure_sketch(now.view(), request);
    const auto* found = co_yield guard_subspace(now.view(), e, sketch);
    if (found) basis = found->outputs;
  }
  run.erasing(now->model, e);
  Draft draft;
  if (in_private) co_await calibrate_in_private(draft, e, run, now);
  co_yield merge(now.view(), e, std::move(taken), draft.calibration);
  if (!in_private) run.erased(now->model);
  if (guarded(c)) co_yield guard(c, e, std::move(basis));
  if (!in_private && c.steps > 0) co_await run.calibrate(c.steps, true, nullptr, now);
}

/// While the erasure is young it is guarded, and calibrated on after every window_every updates.
Script window(std::uint64_t end, CalibrationRun& run, const Now& now) {
  const auto& c = now->scenario->calibration;
  if (gated(c)) co_yield run.gate(now.view());
  if (c.window_steps == 0) {  // the guard's time, or the gate's
    while ((guarded(c) || gated(c)) && now->updates < end) co_yield AwaitUpdates{end - now->updates};
    co_return;
  }
  while (now->updates < end && !run.sunset(c)) {
    co_await run.await_updates(static_cast<std::uint64_t>(c.window_every), now);
    co_await run.calibrate(c.window_steps, false, nullptr, now);
    if (gated(c)) co_yield run.gate(now.view());  // with a new trigger
  }
}

Script afu_ic(Request request, const Now& now) {
  if (!took_part(now.view())) {
    co_yield Forgotten{};
    co_return;
  }
  const bool blocking = request.coordination == Coordination::blocking;
  CalibrationRun run(request);
  if (blocking) co_yield Halt{};
  for (std::int64_t round = 0; round < rounds(now.view()); ++round)
    co_await erase_and_calibrate(request, round, run, now);
  if (matches(now.view(), request)) {
    const auto* matched = co_yield matching_at_target(now.view(), request);
    co_yield MergeErasure{first_output(matched), std::nullopt};
  }
  if (blocking) co_yield Resume{};
  const auto end = now->updates + static_cast<std::uint64_t>(now->scenario->calibration.window_updates);
  co_yield Forgotten{};
  co_await window(end, run, now);
}

Needs needs(const config::Values& settings) {
  Needs n;
  const auto erasure = erasure_of(settings);
  n.influence = erasure == Erasure::ledger;
  n.accumulator = n.last_update = erasure == Erasure::pga;
  n.decay = settings.real("ledger_decay");
  return n;
}

}  // namespace

Method afu_ic_method() {
  Method m;
  m.name = "afu_ic";
  m.help =
      "Subtracts the ledger of the target's contributions concurrently, then calibrates on held-out data. Of a class: those "
      "of all clients that have samples of it. "
      "Blocking: everybody waits until it is calibrated; the window that follows is concurrent.";
  m.traits.needs.influence = true;
  m.traits.by_shard = true;
  m.traits.scopes = {Scope::client, Scope::samples, Scope::data_class};
  m.traits.coordinations = {Coordination::concurrent, Coordination::blocking};
  using namespace config;
  m.options = {
      number("gain", 1.0, from(0, 2), "How much of the target's ledger is subtracted (c)."),
      choice(
          "gain_by", names<GainBy>(),
          "model: one gain. layer: one a layer, the mean kept, so that the calibration loss suffers least."),
      number("gain_spread", 0.5, from(0, 1), "By layer: a gain stays within gain * (1 -+ this)."),
      number("gain_steps", 10, from(1, 1000), "By layer: steps of the search.", "steps"),
      number(
          "ledger_decay", 0.0, from(0, 1),
          "Part of the ledger that each later contribution of the target takes off it: old ones count less."),
      choice(
          "publish", names<Publish>(),
          "What is published first. at_once: the model without the target's contributions, as it is, which is "
          "often of no use; its calibration follows. calibrated: that model after its calibration; until then "
          "the old one is served. auto: calibrated where it can be, which is with one erasure_rounds, without "
          "match_steps, calibration.research.staleness_discount and calibration.research.max_delta, and with calibration.steps; "
          "else at_once."),
      choice(
          "erasure", names<Erasure>(),
          "What is merged. ledger: the target's contributions, no gradient at all. Where no ledger can be kept "
          "the target computes: fedquit and pga (with their own sections' settings), uce (descent of the "
          "unlearning cross entropy within a ball); then keys of [calibration] that are not given are invariance = "
          "\"difference\", beta = 0, batch_size = 32, window_updates = 100, window_every = 7, window_steps = 8, and "
          "research.stages = 1."),
      number("erasure_rounds", 1, from(1, 100),
             "Without a ledger: erasure and calibration are repeated so many times.", "rounds"),
      number("uce_lr", 0.01, above(0, 10), "Step size of uce."),
      number("uce_epochs", 1, from(1, 1000), "Epochs of uce over the forget set.", "epochs"),
      number("uce_radius", 1.0, from(0, 1e9), "Radius of the ball of uce; 0: none."),
      number(
          "match_steps", 0, from(0, 1'000'000),
          "After the merge and its calibration the target takes so many steps down (mean cross entropy on what "
          "is to be forgotten - level)^2, each on all of that; the level is the calibrated model's mean on "
          "samples that the target held out. What comes of it is merged undiscounted. 0: none.",
          "steps"),
      number("match_lr", 0.05, above(0, 10), "Their size."),
  };
  // A ledger's erasure is whole, and the outputs before it a good teacher. Without one they bring the influence back, and
  // what keeps it away is the pattern that the erasure tells (configs/studies/relearning.md).
  m.implied = {{"erasure",
                "ledger",
                {{"calibration.invariance", std::string("difference")},
                 {"calibration.beta", 0.0},
                 {"calibration.batch_size", std::int64_t{32}},
                 {"calibration.research.stages", std::int64_t{1}},
                 {"calibration.window_updates", std::int64_t{100}},
                 {"calibration.window_every", std::int64_t{7}},
                 {"calibration.window_steps", std::int64_t{8}}}}};
  m.start = &scripted<&afu_ic>;
  m.jobs = {job::type_of<UceJob>(), job::type_of<MatchJob>()};
  m.needs = &needs;
  m.check = &check_afu_ic;
  return m;
}

}  // namespace afu::methods
