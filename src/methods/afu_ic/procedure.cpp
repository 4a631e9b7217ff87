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
#include <utility>

#include "config/scenario.hpp"
#include "engine/combine_job.hpp"
#include "methods/afu_ic/erasures.hpp"
#include "methods/afu_ic/settings.hpp"
#include "methods/calibration.hpp"
#include "methods/calibration_run.hpp"
#include "methods/registry.hpp"
#include "methods/target_erasures.hpp"

namespace afu::methods {
namespace {

class AfuIc : public Procedure {
 public:
  explicit AfuIc(const Request& request) : request_(request), run_(request) {}

  Step next(const View& view, const job::JobResult* result) override {
    for (;;) switch (stage_) {
        case Stage::start:
          if (ledger(view) && (!view.target || view.target->contributions == 0)) {
            stage_ = Stage::finished;  // it never took part: nothing of it is in the model
            return Forgotten{};
          }
          stage_ = Stage::erase;
          if (blocking()) return Halt{};
          break;
        case Stage::erase:
          stage_ = Stage::erased;
          return erase(view);
        case Stage::erased:
          erasure_ = first_output(result);
          basis_ = {erasure_};
          stage_ = view.scenario->calibration.guard_rank > 1 ? Stage::sketch : Stage::merge;
          break;
        case Stage::sketch:
          stage_ = Stage::subspace;
          return erasure_sketch(view, request_);
        case Stage::subspace:
          stage_ = Stage::basis;
          return guard_subspace(view, erasure_, result);
        case Stage::basis:
          if (result) basis_ = result->outputs;
          stage_ = Stage::merge;
          break;
        case Stage::merge:
          run_.erasing(view.model, erasure_);
          if (in_private(view)) {
            stage_ = Stage::begin_private;
            return draft(view.model, erasure_, 1.0);
          }
          stage_ = Stage::guard;
          return merge(view);
        case Stage::begin_private:
          take_draft(result);
          run_.erased(draft_);
          run_.begin(view.scenario->calibration.steps, true);
          stage_ = Stage::calibrate_private;
          break;
        case Stage::calibrate_private: {
          auto private_view = view;
          private_view.model = draft_;
          auto step = run_.next(private_view, std::exchange(result, nullptr));
          if (!step) {
            stage_ = Stage::guard;
            return merge(view);
          }
          if (const auto* c = std::get_if<MergeCalibration>(&*step)) {
            stage_ = Stage::calibrated_private;
            return draft(draft_, c->delta, c->weight);
          }
          return std::move(*step);
        }
        case Stage::calibrated_private:
          take_draft(std::exchange(result, nullptr));
          stage_ = Stage::calibrate_private;
          break;
        case Stage::guard: {
          const auto& c = view.scenario->calibration;
          stage_ = c.steps > 0 && !in_private(view) ? Stage::calibrate : Stage::calibrated;
          if (!in_private(view)) {
            run_.erased(view.model);
            run_.begin(c.steps, true);
          }
          draft_.reset();
          calibration_.reset();
          if (guarded(c)) return guard(c);
          break;
        }
        case Stage::calibrate:
          if (auto step = run_.next(view, std::exchange(result, nullptr))) return std::move(*step);
          stage_ = Stage::calibrated;
          break;
        case Stage::calibrated:
          stage_ = ++round_ < rounds(view) ? Stage::erase : matches(view) ? Stage::match : Stage::resume;
          break;
        case Stage::match:
          stage_ = Stage::matched;
          return matching_at_target(view, request_);
        case Stage::matched:
          stage_ = Stage::resume;
          return MergeErasure{first_output(result), std::nullopt};
        case Stage::resume:
          stage_ = Stage::forgotten;
          if (blocking()) return Resume{};
          break;
        case Stage::forgotten:
          stage_ = gated(view.scenario->calibration) ? Stage::gate : Stage::window_wait;
          window_end_ = view.updates + static_cast<std::uint64_t>(view.scenario->calibration.window_updates);
          return Forgotten{};
        case Stage::gate:
          stage_ = Stage::window_wait;
          return run_.gate(view);
        case Stage::window_wait: {
          const auto& c = view.scenario->calibration;
          const bool watched = guarded(c) || gated(c);
          if (view.updates >= window_end_ || run_.sunset(c) || (c.window_steps == 0 && !watched))
            return finish();
          if (c.window_steps == 0) return AwaitUpdates{window_end_ - view.updates};  // the guard's time
          stage_ = Stage::window_calibrate;
          run_.begin(c.window_steps, false);
          return AwaitUpdates{static_cast<std::uint64_t>(c.window_every)};
        }
        case Stage::window_calibrate:
          if (auto step = run_.next(view, std::exchange(result, nullptr))) return std::move(*step);
          stage_ =
              gated(view.scenario->calibration) ? Stage::gate : Stage::window_wait;  // with a new trigger
          break;
        case Stage::finished:
          return Done{};
      }
  }

 private:
  enum class Stage {
    start,
    erase,
    erased,
    sketch,
    subspace,
    basis,
    merge,
    begin_private,
    calibrate_private,
    calibrated_private,
    guard,
    calibrate,
    calibrated,
    match,
    matched,
    resume,
    forgotten,
    gate,
    window_wait,
    window_calibrate,
    finished
  };

  static bool ledger(const View& view) { return view.settings->text("erasure") == "ledger"; }
  static bool by_layer(const View& view) { return view.settings->text("gain_by") == "layer"; }
  static bool guarded(const config::CalibrationSection& c) { return c.guard_rank > 0 || c.guard_measure; }
  /// What a gate looks at is no part of a placebo.
  static bool gated(const config::CalibrationSection& c) { return c.gate && !c.placebo; }
  static bool in_private(const View& view) {
    return publishes_calibrated(*view.settings, view.scenario->calibration);
  }
  bool blocking() const { return request_.coordination == Coordination::blocking; }
  double gain(const View& view) const { return view.settings->real("gain"); }
  /// A target that holds nothing out has no level to aim at.
  bool matches(const View& view) const {
    const bool none = request_.non_members && request_.non_members->empty();
    return view.settings->integer("match_steps") > 0 && !none;
  }
  std::int64_t rounds(const View& view) const {
    return ledger(view) ? 1 : view.settings->integer("erasure_rounds");
  }

  Erase erase(const View& view) const {
    const auto& kind = view.settings->text("erasure");
    const auto& sections = view.scenario->unlearning.methods;
    if (kind == "fedquit") return fedquit_erasure(view, request_, sections.at("fedquit"));
    if (kind == "pga") {
      auto now = view;
      if (round_ > 0) now.target = nullptr;  // its contribution is out already
      return pga_erasure(now, request_, sections.at("pga"));
    }
    if (kind == "uce") return uce_erasure(view, request_);
    if (by_layer(view)) return layer_gains_erasure(view);
    engine::CombineJob job;
    if (view.model)
      job.outputs.push_back({nullptr, 1.0, {{-gain(view), view.target->influence, nullptr}}, {}});
    return {std::move(job), 0, false};
  }

  MergeErasure merge(const View& view) const {
    MergeErasure step{erasure_, std::nullopt};
    if (ledger(view) && !by_layer(view)) step.influence_gain = gain(view);
    step.calibration = calibration_;
    return step;
  }

  /// `model` + weight * `delta`, and the sum of all calibrations once there are any.
  Erase draft(const ParametersPtr& model, const ParametersPtr& delta, double weight) const {
    engine::CombineJob job;
    if (model) {
      job.outputs.push_back({model, 1.0, {{weight, delta, nullptr}}, {}});
      if (draft_) job.outputs.push_back({calibration_, 1.0, {{weight, delta, nullptr}}, {}});
    }
    return {std::move(job), 0, false};
  }
  void take_draft(const job::JobResult* result) {
    if (!result || result->outputs.empty()) return;
    if (draft_) calibration_ = result->outputs.at(1);
    draft_ = result->outputs.front();
  }

  GuardErasure guard(const config::CalibrationSection& c) {
    GuardErasure step;
    step.restore = c.guard_restore;
    step.restore_every = static_cast<std::uint64_t>(c.guard_restore_every);
    if (erasure_) {
      engine::Guard g{erasure_, {}};
      if (c.guard_rank > 0) g.basis = std::move(basis_);
      step.guard = std::make_shared<const engine::Guard>(std::move(g));
    }
    return step;
  }

  Step finish() {
    stage_ = Stage::finished;
    run_.forget();
    erasure_.reset();
    basis_.clear();
    return Done{};
  }

  Request request_;
  Stage stage_ = Stage::start;
  std::int64_t round_ = 0;
  CalibrationRun run_;
  ParametersPtr erasure_;              ///< e
  ParametersPtr draft_, calibration_;  ///< w_v + e + c, which nobody has seen, and c
  std::vector<ParametersPtr> basis_;   ///< of the guard
  std::uint64_t window_end_ = 0;
};

Needs needs(const config::Values& settings) {
  Needs n;
  const auto& erasure = settings.text("erasure");
  n.influence = erasure == "ledger";
  n.accumulator = n.last_update = erasure == "pga";
  n.decay = settings.real("ledger_decay");
  return n;
}

}  // namespace

Method afu_ic_method() {
  Method m;
  m.name = "afu_ic";
  m.help =
      "Subtracts the ledger of the target's contributions concurrently, then calibrates on held-out data. "
      "Blocking: everybody waits until it is calibrated; the window that follows is concurrent.";
  m.traits.needs.influence = true;
  m.traits.refusals = {{Scope::data_class,
                        "the ledger keeps one sum of contributions a client, in which those of its classes "
                        "are not apart, so none can be subtracted"}};
  m.traits.coordinations = {Coordination::concurrent, Coordination::blocking};
  m.options = {
      {"gain", 1.0, "How much of the target's ledger is subtracted (c).", "", 0.0, 2.0, false, {}},
      {"gain_by",
       std::string("model"),
       "model: one gain. layer: one a layer, the mean kept, so that the calibration loss suffers least.",
       "",
       0,
       0,
       false,
       {"model", "layer"}},
      {"gain_spread", 0.5, "By layer: a gain stays within gain * (1 -+ this).", "", 0.0, 1.0, false, {}},
      {"gain_steps", std::int64_t{10}, "By layer: steps of the search.", "steps", 1, 1000, false, {}},
      {"ledger_decay",
       0.0,
       "Part of the ledger that each later contribution of the target takes off it: old ones count less.",
       "",
       0.0,
       1.0,
       false,
       {}},
      {"publish",
       std::string("auto"),
       "What is published first. at_once: the model without the target's contributions, as it is, which is "
       "often of no use; its calibration follows. calibrated: that model after its calibration; until then "
       "the old one is served. auto: calibrated where it can be, which is with a ledger, without "
       "match_steps, calibration.staleness_discount and calibration.max_delta, and with calibration.steps; "
       "else at_once.",
       "",
       0,
       0,
       false,
       {"auto", "at_once", "calibrated"}},
      {"erasure",
       std::string("ledger"),
       "What is merged. ledger: the target's contributions, no gradient at all. Where no ledger can be kept "
       "the target computes: fedquit and pga (with their own sections' settings), uce (descent of the "
       "unlearning cross entropy within a ball).",
       "",
       0,
       0,
       false,
       {"ledger", "fedquit", "pga", "uce"}},
      {"erasure_rounds",
       std::int64_t{3},
       "Without a ledger: erasure and calibration are repeated so many times.",
       "rounds",
       1,
       100,
       false,
       {}},
      {"uce_lr", 0.01, "Step size of uce.", "", 0.0, 10.0, true, {}},
      {"uce_epochs", std::int64_t{1}, "Epochs of uce over the forget set.", "epochs", 1, 1000, false, {}},
      {"uce_radius", 1.0, "Radius of the ball of uce; 0: none.", "", 0.0, 1e9, false, {}},
      {"match_steps",
       std::int64_t{0},
       "After the merge and its calibration the target takes so many steps down (mean cross entropy on what "
       "is to be forgotten - level)^2, each on all of that; the level is the calibrated model's mean on "
       "samples that the target held out. What comes of it is merged undiscounted. 0: none.",
       "steps",
       0,
       1'000'000,
       false,
       {}},
      {"match_lr", 0.05, "Their size.", "", 0.0, 10.0, true, {}},
  };
  m.start = [](const Request& r) -> std::unique_ptr<Procedure> { return std::make_unique<AfuIc>(r); };
  m.needs = &needs;
  m.check = &check_afu_ic;
  return m;
}

}  // namespace afu::methods
