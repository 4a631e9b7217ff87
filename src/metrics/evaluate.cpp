#include "metrics/evaluate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

#include "engine/task_loss.hpp"
#include "metrics/auc.hpp"
#include "metrics/evaluate_job.hpp"
#include "model/parameters.hpp"

namespace afu::metrics {
namespace {

template <class T>
std::vector<T> to_vector(const torch::Tensor& t) {
  const auto on_cpu = t.to(torch::kCPU).contiguous();
  const auto* p = on_cpu.data_ptr<T>();
  return std::vector<T>(p, p + on_cpu.numel());
}

std::vector<double> scores(const Predictions& p) {
  std::vector<double> s(p.losses.size());
  std::transform(p.losses.begin(), p.losses.end(), s.begin(), [](double loss) { return -loss; });
  return s;
}

/// Those of `of` at the rows `wanted`; `rows` are all it is of. Both ascend, `wanted` is a part of `rows`.
Predictions taken(const Predictions& of, const data::Indices& rows, const data::Indices& wanted) {
  Predictions p;
  p.label_bits = of.label_bits;
  const auto width = of.labels.empty() ? 0 : of.probabilities.size() / of.labels.size();
  for (auto r : wanted) {
    const auto i = static_cast<std::size_t>(std::lower_bound(rows.begin(), rows.end(), r) - rows.begin());
    if (i == rows.size() || rows[i] != r)
      throw std::invalid_argument(fmt::format("row {} of a part is in no set that is evaluated", r));
    p.predicted.push_back(of.predicted[i]);
    p.labels.push_back(of.labels[i]);
    p.losses.push_back(of.losses[i]);
    const auto begin = of.probabilities.begin() + static_cast<std::ptrdiff_t>(i * width);
    p.probabilities.insert(p.probabilities.end(), begin, begin + static_cast<std::ptrdiff_t>(width));
  }
  return p;
}

/// Of poisoned samples the share that is answered with the class, or the label, that they were given.
double as_given(const Predictions& poisoned, const data::TargetLabel& target) {
  return target.adds ? share_predicted(poisoned, target) : accuracy(poisoned);
}

/// All rows that clients hold out and groups are made of, ascending.
data::IndicesPtr rows_of_holdouts(const std::vector<EvaluationGroup>& groups) {
  data::Indices rows;
  for (const auto& g : groups)
    if (g.set == "holdout") rows.insert(rows.end(), g.rows->begin(), g.rows->end());
  std::sort(rows.begin(), rows.end());
  return std::make_shared<const data::Indices>(std::move(rows));
}

/// All non-members, ascending: each request has its own share of poisoned ones among them.
data::IndicesPtr held_out(const EvaluationSets& sets) {
  data::Indices rows;
  const auto add = [&](const data::IndicesPtr& some) {
    if (some) rows.insert(rows.end(), some->begin(), some->end());
  };
  add(sets.holdout);
  for (const auto& request : sets.requests) add(request.holdout);
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return std::make_shared<const data::Indices>(std::move(rows));
}

}  // namespace

Predictions predictions_from(const torch::Tensor& logits, const torch::Tensor& labels, Wanted wanted) {
  Predictions p;
  const auto unknown = logits.isfinite().logical_not().any(1);
  p.labels = engine::label_values(labels);
  if (engine::multi_label(labels)) {
    p.label_bits = labels.size(1);
    p.predicted = engine::predicted_sets(logits);
    const auto none = to_vector<bool>(unknown);
    for (std::size_t i = 0; i < none.size(); ++i)
      if (none[i]) p.predicted[i] = -1;
  } else {
    p.predicted = to_vector<std::int64_t>(logits.argmax(1).masked_fill_(unknown, -1));
  }
  const auto losses = engine::task_losses(logits, labels).to(torch::kFloat64);
  p.losses = to_vector<double>(losses.masked_fill(unknown, std::numeric_limits<double>::quiet_NaN()));
  if (wanted == Wanted::probabilities)
    p.probabilities = to_vector<double>(engine::probabilities(logits.to(torch::kFloat64), labels));
  return p;
}

std::pair<torch::Tensor, torch::Tensor> logits_of(engine::Workspace& workspace, const data::Indices& rows,
                                                  std::int64_t batch_size) {
  if (batch_size < 1)
    throw std::invalid_argument(fmt::format("batch_size is {}, allowed is 1 or more", batch_size));
  torch::NoGradGuard no_grad;
  const auto order = workspace.upload(rows);
  const auto n = order.size(0);
  std::vector<torch::Tensor> logits, labels;
  for (std::int64_t begin = 0; begin < n; begin += batch_size) {
    const auto batch = workspace.gather(order, begin, std::min(batch_size, n - begin));
    logits.push_back(workspace.forward(batch.images));
    labels.push_back(batch.labels);
  }
  if (logits.empty()) return {};
  return {torch::cat(logits), torch::cat(labels)};
}

Predictions predict(engine::Workspace& workspace, const data::Indices& rows, std::int64_t batch_size,
                    Wanted wanted) {
  const auto [logits, labels] = logits_of(workspace, rows, batch_size);
  return logits.defined() ? predictions_from(logits, labels, wanted) : Predictions{};
}

job::JobResult run(engine::Workspace& workspace, const EvaluateJob& job) {
  if (!job.model) throw std::invalid_argument("there is no version to evaluate");
  if (!job.sets) throw std::invalid_argument("there are no sets to evaluate on");
  workspace.load(*job.model);
  workspace.net().train(false);
  job::JobResult result;
  const auto on = [&](const data::IndicesPtr& rows,
                      Wanted wanted = Wanted::classes) -> std::optional<Predictions> {
    if (!rows || rows->empty()) return std::nullopt;
    result.samples += static_cast<std::int64_t>(rows->size());
    return predict(workspace, *rows, job.batch_size, wanted);
  };
  // A figure that is not a number is absent: the model has none, whatever a count over its answers would say.
  if (!model::is_finite(*job.model)) return result;
  const auto tell = [&](const std::string& name, double value) {
    if (std::isfinite(value)) result.figures[name] = value;
  };
  const auto& sets = *job.sets;
  const auto tell_groups = [&](const char* set, const Predictions& all, const data::Indices& rows) {
    for (std::size_t g = 0; g < sets.groups.size(); ++g) {
      if (sets.groups[g].set != set) continue;
      const auto own = taken(all, rows, *sets.groups[g].rows);
      tell(fmt::format("group_accuracy.{}", g), accuracy(own));
      tell(fmt::format("group_balanced_accuracy.{}", g), balanced_accuracy(own));
      tell(fmt::format("group_auc.{}", g), area(own));
      tell(fmt::format("group_loss.{}", g), mean_loss(own));
    }
  };
  if (const auto test = on(sets.test, Wanted::probabilities)) {
    tell_groups("test", *test, *sets.test);
    tell("test_accuracy", accuracy(*test));
    tell("balanced_accuracy", balanced_accuracy(*test));
    tell("test_auc", area(*test));
    tell("test_loss", mean_loss(*test));
    tell("calibration_error", calibration_error(*test));
    tell("brier_score", brier_score(*test));
    if (same_answers(*test)) result.figures["same_answers"] = 1;
  }
  if (const auto rows = rows_of_holdouts(sets.groups);
      const auto held_out_by_clients = on(rows, Wanted::probabilities))
    tell_groups("holdout", *held_out_by_clients, *rows);
  const auto forget = on(sets.forget);
  if (forget) tell("forget_accuracy", accuracy(*forget));
  if (const auto retain = on(sets.retain)) tell("retain_accuracy", accuracy(*retain));
  if (sets.backdoor_target.any())
    if (const auto triggered = on(sets.triggered))
      tell("attack_success_rate", share_predicted(*triggered, sets.backdoor_target));
  const auto held = forget ? held_out(sets) : nullptr;
  const auto holdout = on(held);
  const auto non_members = [&](const data::Indices& wanted) {
    return scores(taken(*holdout, *held, wanted));
  };
  if (holdout && sets.holdout && !sets.holdout->empty())
    tell("mia_auc", auc(scores(*forget), non_members(*sets.holdout)));
  for (std::size_t i = 0; forget && i < sets.requests.size(); ++i) {
    const auto& request = sets.requests[i];
    if (request.forget->empty()) continue;
    const auto own = taken(*forget, *sets.forget, *request.forget);
    tell(fmt::format("forget_accuracy.{}", i), accuracy(own));
    if (request.poisoned && !request.poisoned->empty())
      tell(fmt::format("poisoned_success.{}", i),
           as_given(taken(*forget, *sets.forget, *request.poisoned), sets.backdoor_target));
    if (holdout && request.holdout && !request.holdout->empty())
      tell(fmt::format("mia_auc.{}", i), auc(scores(own), non_members(*request.holdout)));
  }
  return result;
}

}  // namespace afu::metrics
