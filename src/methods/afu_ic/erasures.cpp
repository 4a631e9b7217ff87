#include "methods/afu_ic/erasures.hpp"

#include <utility>

#include "calibrate/jobs.hpp"
#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"
#include "engine/combine_job.hpp"
#include "methods/afu_ic/match_job.hpp"
#include "methods/afu_ic/settings.hpp"
#include "methods/afu_ic/uce_job.hpp"
#include "methods/shared.hpp"
#include "methods/target_erasures.hpp"

namespace afu::methods {
namespace {

/// -gain S_u, of a class summed over its owners, and of a part of a client, where the ledger is kept by shard, over the shards
/// that hold some of it.
Erase ledger_entries(const View& view) {
  engine::CombineJob job;
  if (view.model) {
    engine::Combination sum{nullptr, 1.0, {}, {}};
    for (const auto& part : taken_out(view)) {
      const auto add = [&](const ParametersPtr& influence) {
        if (influence) sum.terms.push_back({-view.settings->real("gain"), influence, nullptr});
      };
      add(part.influence);
      for (const auto& shard : part.shards) add(shard.influence);
    }
    job.outputs.push_back(std::move(sum));
  }
  return {std::move(job), 0, false};
}

}  // namespace

std::vector<aggregate::TakenOut> taken_out(const View& view) {
  std::vector<aggregate::TakenOut> all;
  for (const auto* t : view.owners) {
    aggregate::TakenOut part{t->client, t->influence, t->contributions};
    for (auto s : view.shards) part.shards.push_back({s, t->shards.at(s)});
    all.push_back(std::move(part));
  }
  return all;
}

Erase next_erasure(const View& view, const Request& request, std::int64_t round) {
  const auto& sections = view.scenario->unlearning.methods;
  switch (erasure_of(*view.settings)) {
    case Erasure::fedquit:
      return fedquit_erasure(view, request, sections.at("fedquit"));
    case Erasure::pga: {
      auto now = view;
      if (round > 0) now.target = nullptr;  // its contribution is out already
      return pga_erasure(now, request, sections.at("pga"));
    }
    case Erasure::uce:
      return uce_erasure(view, request);
    case Erasure::ledger:
      break;
  }
  return gain_by_layer(*view.settings) ? layer_gains_erasure(view) : ledger_entries(view);
}

Erase uce_erasure(const View& view, const Request& request) {
  const auto& s = *view.settings;
  UceJob job;
  job.training.base = view.model;
  job.training.forget = request.forget;
  job.training.sgd.lr = s.real("uce_lr");
  job.training.sgd.momentum = 0.9;
  job.training.sgd.clip_norm = 1.0;
  job.training.epochs = s.integer("uce_epochs");
  job.training.batch_size = 32;
  job.training.key = {view.scenario->scenario.seed, base::purpose("uce"), request.client, request.index};
  job.radius = s.real("uce_radius");
  const auto passes = static_cast<double>(request.forget_count * job.training.epochs);
  return {std::move(job), passes, true};
}

Erase layer_gains_erasure(const View& view) {
  calibrate::LayerGainsJob job;
  job.gain = view.settings->real("gain");
  job.spread = view.settings->real("gain_spread");
  job.steps = view.settings->integer("gain_steps");
  job.beta = view.scenario->calibration.beta;
  job.model = view.model;
  if (view.model) job.influence = view.target->influence;
  job.environments = view.environments;
  const auto passes = calibration_samples(view) * static_cast<double>(job.steps + 1);
  return {std::move(job), passes, false};
}

Erase erasure_sketch(const View& view, const Request& request) {
  constexpr std::int64_t kMore = 8;
  calibrate::SketchJob job;
  job.count = view.scenario->calibration.research->guard_rank + kMore;
  job.model = view.model;
  job.forget = request.forget;
  job.key = {view.scenario->scenario.seed, base::purpose("gradient_sketch"), request.client, request.index};
  const auto passes = static_cast<double>(job.count * job.batch_size);
  return {std::move(job), passes, true};
}

Calibrate guard_subspace(const View& view, const ParametersPtr& erasure, const job::JobResult* sketch) {
  calibrate::SubspaceJob job;
  job.rank = view.scenario->calibration.research->guard_rank;
  job.model = view.model;
  job.erasure = erasure;
  if (sketch) job.sketch = sketch->outputs;
  job.environments = view.environments;
  return {std::move(job), calibration_samples(view)};
}

Erase matching_at_target(const View& view, const Request& request) {
  MatchJob job;
  job.base = view.model;
  job.forget = request.forget;
  job.held_out = request.non_members;
  job.sgd.lr = view.settings->real("match_lr");
  job.sgd.clip_norm = 1.0;
  job.steps = view.settings->integer("match_steps");
  const double h = view.scenario->partition.holdout_fraction;
  const double held_out = request.non_members ? static_cast<double>(request.non_members->size())
                                              : static_cast<double>(request.forget_count) * h / (1 - h);
  const auto passes = static_cast<double>(request.forget_count * job.steps) + held_out;
  return {std::move(job), passes, true};
}

}  // namespace afu::methods
