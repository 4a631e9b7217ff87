#include "attack/relearn.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "engine/optimiser.hpp"
#include "metrics/evaluate.hpp"
#include "train/local_training.hpp"
#include "train/schedule.hpp"

namespace afu::attack {
namespace {

constexpr double share_to_reach = 0.95;

/// One figure that is to come back.
struct Goal {
  std::string name;
  data::TargetLabel target;  ///< share predicted as this; none: accuracy
  data::IndicesPtr rows;
  double wanted = 0;
  std::optional<std::int64_t> reached;
  bool lost = false;  ///< there is nothing to come back to, or no number to compare any more

  double value(engine::Workspace& workspace, const Relearning& r, job::JobResult& result) const {
    workspace.net().train(false);
    result.samples += static_cast<std::int64_t>(rows->size());
    const auto p = metrics::predict(workspace, *rows, r.evaluation_batch_size);
    return target.any() ? metrics::share_predicted(p, target) : metrics::accuracy(p);
  }
};

}  // namespace

data::IndicesPtr few(const data::IndicesPtr& rows, std::int64_t count, const base::StreamKey& key) {
  auto some = *rows;
  base::Stream stream(key);
  base::shuffle(some, stream);
  some.resize(std::min(some.size(), static_cast<std::size_t>(count)));
  std::sort(some.begin(), some.end());
  return std::make_shared<const data::Indices>(std::move(some));
}

void relearn(engine::Workspace& workspace, const model::ParameterVector& before,
             const model::ParameterVector& model, const Relearning& r, job::JobResult& result) {
  std::vector<Goal> goals{{"accuracy", {}, r.forget, 0, {}}};
  if (r.triggered && !r.triggered->empty()) goals.push_back({"success", r.target, r.triggered, 0, {}});
  workspace.load(before);
  for (auto& goal : goals) {
    goal.wanted = share_to_reach * goal.value(workspace, r, result);
    goal.lost = !(goal.wanted > 0);
  }

  const train::Schedule schedule(r.shown, r.batch_size, 1, r.most, r.key);
  const auto order = workspace.upload(schedule.order());
  workspace.load(model);
  engine::OptimiserState state;
  if (!r.adam) state.momentum = workspace.momentum();
  for (std::int64_t step = 0;; ++step) {
    bool over = true;
    for (auto& goal : goals) {
      if (!goal.reached && !goal.lost) {
        const double value = goal.value(workspace, r, result);
        goal.lost = std::isnan(value);
        if (value >= goal.wanted) goal.reached = step;
      }
      over = over && (goal.reached || goal.lost);
    }
    if (over || step == schedule.steps()) break;
    workspace.net().train(false);  // statistics of BatchNorm stay: it is the weights that are to relearn
    const auto batch = workspace.gather(order, schedule.begin(step), schedule.count(step));
    train::cross_entropy_gradient(workspace, batch);
    engine::optimiser_step(workspace.parameters(), workspace.gradients(), state, {}, r.sgd, r.adam);
    result.samples += schedule.count(step);
  }
  for (const auto& goal : goals) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    result.figures[r.name + "." + goal.name + "_batches"] =
        goal.lost ? nan : static_cast<double>(goal.reached.value_or(schedule.steps()));
    result.figures[r.name + "." + goal.name + "_reached"] = goal.lost ? nan : goal.reached ? 1 : 0;
  }
}

}  // namespace afu::attack
