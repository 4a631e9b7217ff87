#include "attack/compare.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "attack/answers_of.hpp"
#include "attack/distance.hpp"
#include "metrics/evaluate_job.hpp"
#include "model/parameters.hpp"

namespace afu::attack {
namespace {

/// A model and what it answers to each set.
struct Answered {
  const Compared* model;
  Answers forget, holdout, test, triggered;
};

Answered ask(engine::Workspace& workspace, const Compared& c, const metrics::EvaluationSets& sets,
             std::int64_t batch_size) {
  workspace.load(*c.model);
  workspace.net().train(false);
  const auto on = [&](const data::IndicesPtr& rows) { return answers_of(workspace, rows, batch_size); };
  return {&c, on(sets.forget), on(sets.holdout), on(sets.test), on(sets.triggered)};
}

bool is_finite(const Answered& a) {
  return model::is_finite(*a.model->model) && a.forget.finite() && a.holdout.finite() && a.test.finite() &&
         a.triggered.finite();
}

using Figure = std::pair<std::pair<std::string, std::string>, double>;  ///< (set, figure), value

/// In the order in which they are to stand.
std::vector<Figure> figures_between(const Answered& reference, const Answered& run) {
  std::vector<Figure> all;
  const auto add = [&](const std::string& set, const char* figure, double value) {
    all.push_back({{set, figure}, value});
  };
  const auto outputs = [&](const char* set, const Answers& p, const Answers& q) {
    if (p.size() == 0) return;
    const auto d = output_distance(p, q);
    add(set, "kl", d.kl);
    add(set, "js", d.js);
    add(set, "js_bits", d.js_bits());
    add(set, "agreement", d.agreement);
  };
  outputs("forget", reference.forget, run.forget);
  outputs("test", reference.test, run.test);
  outputs("triggered", reference.triggered, run.triggered);
  const auto d = parameter_distance(*reference.model->model, *run.model->model);
  add("parameters", "absolute", d.absolute);
  add("parameters", "squared", d.squared);
  add("parameters", "relative", d.relative);
  for (const auto& layer : d.layers) {
    add("layer:" + layer.name, "absolute", layer.absolute);
    add("layer:" + layer.name, "squared", layer.absolute * layer.absolute);
    add("layer:" + layer.name, "relative", layer.relative);
    add("layer:" + layer.name, "cosine", layer.cosine);
  }
  if (reference.forget.size() > 0 && reference.holdout.size() > 0) {
    const auto s = loss_difference(reference.forget, run.forget, reference.holdout, run.holdout);
    add("membership", "dmia_auc", s.auc);
    add("membership", "dmia_auc_error", s.auc_error);
    add("membership", "dmia_distance", std::abs(s.auc - 0.5));
  }
  return all;
}

void append(std::vector<ComparisonRow>& rows, const std::string& run, const std::string& reference,
            const std::vector<Figure>& figures) {
  for (const auto& [name, value] : figures) rows.push_back({run, reference, name.first, name.second, value});
}

void add(std::vector<Figure>& sum, const std::vector<Figure>& figures) {
  if (sum.empty())
    sum = figures;
  else
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i].second += figures[i].second;
}

std::vector<Figure> divided(std::vector<Figure> sum, double count) {
  for (auto& f : sum) f.second /= count;
  return sum;
}

}  // namespace

Comparison compare(engine::Workspace& workspace, const std::vector<Compared>& runs,
                   const std::vector<Compared>& references, const metrics::EvaluationSets& sets,
                   std::int64_t batch_size) {
  torch::NoGradGuard no_grad;
  Comparison comparison;
  auto& rows = comparison.rows;
  const auto note = [&](const Answered& a) {
    auto& names = comparison.not_finite;
    if (!is_finite(a) && std::find(names.begin(), names.end(), a.model->name) == names.end())
      names.push_back(a.model->name);
  };
  std::vector<Answered> answered;
  for (const auto& r : references) answered.push_back(ask(workspace, r, sets, batch_size));
  for (const auto& run : runs) {
    const auto of_run = ask(workspace, run, sets, batch_size);
    note(of_run);
    std::vector<Figure> sum;
    double others = 0;
    for (const auto& reference : answered) {
      if (reference.model->name == run.name) continue;
      const auto figures = figures_between(reference, of_run);
      append(rows, run.name, reference.model->name, figures);
      add(sum, figures);
      ++others;
    }
    if (others > 0) append(rows, run.name, mean_of_references, divided(sum, others));
  }
  std::vector<Figure> sum;
  double pairs = 0;
  for (const auto& one : answered)
    for (const auto& other : answered) {
      if (&one == &other) continue;
      const auto figures = figures_between(other, one);
      const bool told =
          std::any_of(runs.begin(), runs.end(), [&](const Compared& r) { return r.name == one.model->name; });
      if (!told) append(rows, one.model->name, other.model->name, figures);
      add(sum, figures);
      ++pairs;
    }
  // Of two models each way round the AUCs add up to 1: their mean says nothing.
  sum.erase(std::remove_if(sum.begin(), sum.end(),
                           [](const Figure& f) { return f.first.second.rfind("dmia_auc", 0) == 0; }),
            sum.end());
  if (pairs > 0) append(rows, among_references, mean_of_references, divided(sum, pairs));
  for (const auto& a : answered) note(a);
  return comparison;
}

}  // namespace afu::attack
