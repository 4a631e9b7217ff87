#include "attack/jobs.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "attack/answers_of.hpp"
#include "attack/backdoor.hpp"
#include "attack/membership.hpp"
#include "attack/probe.hpp"
#include "attack/reference.hpp"
#include "attack/relearn.hpp"
#include "config/attack_names.hpp"
#include "config/scenario.hpp"
#include "engine/task_loss.hpp"
#include "engine/workspace.hpp"
#include "metrics/evaluate.hpp"
#include "train/local_training.hpp"
#include "train/train_job.hpp"

namespace afu::attack {
namespace {

constexpr Set referenced_sets[] = {forget, holdout, known_out};

const data::IndicesPtr& rows_of(const AttackJob& job, Set set) {
  if (job.sets.size() != set_count) throw std::invalid_argument("an attack needs all its sets");
  return job.sets[set];
}

/// The references' answers to one set out of the job's, beside the model's.
Referenced referenced(const AttackJob& job, const Answers& model, Set set) {
  std::size_t begin = 0, all = 0;
  for (auto s : referenced_sets) {
    if (s == set) begin = all;
    all += rows_of(job, s) ? rows_of(job, s)->size() : 0;
  }
  Referenced r{confidence(model), {}};
  for (const auto& answers : job.references) {
    if (answers.size() != all) throw std::invalid_argument("the reference models answered to other samples");
    const auto from = answers.begin() + static_cast<std::ptrdiff_t>(begin);
    r.references.emplace_back(from, from + static_cast<std::ptrdiff_t>(model.size()));
  }
  return r;
}

/// The steps of local training, but for what pulls to the version that it began from.
engine::SgdSettings sgd_of(const config::TrainingSection& t) {
  engine::SgdSettings s;
  s.lr = t.lr;
  s.momentum = t.momentum;
  s.weight_decay = t.weight_decay;
  s.clip_norm = t.clip_norm;
  return s;
}

void report_backdoor(const std::string& name, const BackdoorFigures& f, Figures& figures) {
  figures[name + ".success"] = f.success;
  figures[name + ".success_clean"] = f.clean;
  figures[name + ".lift"] = f.lift;
  figures[name + ".true_accuracy"] = f.true_accuracy;
}

}  // namespace

Answers answers_of(engine::Workspace& workspace, const data::IndicesPtr& rows, std::int64_t batch_size) {
  if (!rows || rows->empty()) return {};
  const auto [logits, labels] = metrics::logits_of(workspace, *rows, batch_size);
  const auto z = logits.to(torch::kCPU, torch::kFloat64).contiguous();
  return from_logits({z.data_ptr<double>(), z.data_ptr<double>() + z.numel()}, z.size(1),
                     engine::label_values(labels), engine::multi_label(labels) ? labels.size(1) : 0);
}

bool AttackJob::asks(const std::string& attack) const {
  return std::find(names.begin(), names.end(), attack) != names.end();
}

AttackJob attack_job(const Plan& plan, const model::ParametersPtr& model,
                     const std::vector<std::vector<double>>& references, const model::ParametersPtr& before) {
  const auto& s = *plan.scenario;
  AttackJob job;
  for (const auto& k : known)
    if (plan.asks(k.name) && (k.relearns < 0 || before)) job.names.emplace_back(k.name);
  job.model = model;
  job.before = before;
  job.sets = plan.sets;
  job.backdoor_target = plan.backdoor_target;
  job.references = references;
  job.evaluation_batch_size = s.evaluation.batch_size;
  job.rmia_a = s.evaluation.rmia_a;
  job.relearn_batches = s.evaluation.relearn_batches;
  job.relearn_batch_size = s.training.batch_size;
  job.relearn_sgd = sgd_of(s.training);
  job.relearn_adam = train::adam_of(s.training);
  job.key = {s.scenario.seed, base::purpose("attack"), 0, 0};
  return job;
}

ReferenceJob reference_job(const Plan& plan, std::uint64_t index) {
  const auto& s = *plan.scenario;
  ReferenceJob job;
  job.key = {s.scenario.seed, base::purpose("reference model"), index, 0};
  job.training.samples = plan.reference_rows.at(index);
  job.training.sgd = sgd_of(s.training);
  job.training.epochs = plan.reference_epochs;
  job.training.batch_size = s.training.batch_size;
  job.training.augment = s.training.augment;
  job.training.adam = train::adam_of(s.training);
  job.training.balanced = s.training.balanced;
  job.training.key = job.key;
  job.training.key.round = 1;
  for (auto set : referenced_sets) job.asked.push_back(plan.sets[set]);
  job.evaluation_batch_size = s.evaluation.batch_size;
  return job;
}

job::JobResult run(engine::Workspace& workspace, const AttackJob& job) {
  if (!job.model) throw std::invalid_argument("there is no version to attack");
  workspace.load(*job.model);
  workspace.net().train(false);
  job::JobResult result;
  const auto batch_size = job.evaluation_batch_size;
  const auto ask = [&](Set set) {
    auto answers = answers_of(workspace, rows_of(job, set), batch_size);
    result.samples += static_cast<std::int64_t>(answers.size());
    return answers;
  };
  const auto key = [&](const char* purpose) {
    auto k = job.key;
    k.actor = base::purpose(purpose);
    return k;
  };
  auto& figures = result.figures;
  const Suspects suspects{ask(forget), ask(holdout), ask(known_in), ask(known_out)};
  if (job.asks("loss")) loss_attack(suspects, key("loss"), figures);
  if (job.asks("scrub")) scrub_attack(suspects, key("scrub"), figures);
  if (job.asks("confidence")) classifier_attack("confidence", &confidence, suspects, figures);
  if (job.asks("entropy")) classifier_attack("entropy", &negative_entropy, suspects, figures);
  if (job.asks("modified_entropy"))
    classifier_attack("modified_entropy", &negative_modified_entropy, suspects, figures);
  if (job.asks("class_thresholds")) class_threshold_attack(suspects, figures);

  const bool sets = suspects.forget.size() > 0 && suspects.holdout.size() > 0;
  if (sets && !job.references.empty()) {
    const auto in = referenced(job, suspects.forget, forget);
    const auto out = referenced(job, suspects.holdout, holdout);
    if (job.asks("lira")) report(figures, "lira", separate(lira_scores(in), lira_scores(out)));
    if (job.asks("rmia") && suspects.known_out.size() > 0) {
      const auto population = referenced(job, suspects.known_out, known_out);
      const double a = job.rmia_a;
      report(figures, "rmia", separate(rmia_scores(in, population, a), rmia_scores(out, population, a)));
    }
  }
  const auto& triggered_rows = rows_of(job, triggered);
  if (triggered_rows && !triggered_rows->empty()) {
    const auto& target = job.backdoor_target;
    if (job.asks("backdoor")) {
      const auto plain = ask(clean);
      report_backdoor("backdoor", backdoor_figures(ask(triggered), plain, target), figures);
      report_backdoor("backdoor_control", backdoor_figures(ask(control), plain, target), figures);
    }
    if (job.asks("probe")) {
      report(figures, "probe",
             probe_for_trigger(workspace, *triggered_rows, *rows_of(job, clean), batch_size));
      result.samples += 2 * static_cast<std::int64_t>(triggered_rows->size());
    }
  }
  for (const auto& k : known) {
    if (k.relearns < 0 || !job.asks(k.name) || suspects.forget.size() == 0) continue;
    Relearning r;
    r.name = k.name;
    r.forget = r.shown = rows_of(job, forget);
    if (k.relearns > 0) r.shown = few(r.forget, k.relearns, key("few"));
    r.triggered = triggered_rows;
    r.target = job.backdoor_target;
    r.sgd = job.relearn_sgd;
    r.adam = job.relearn_adam;
    r.batch_size = job.relearn_batch_size;
    r.evaluation_batch_size = batch_size;
    r.most = job.relearn_batches;
    r.key = key("relearn");
    relearn(workspace, *job.before, *job.model, r, result);
  }
  return result;
}

job::JobResult run(engine::Workspace& workspace, const ReferenceJob& job) {
  auto training = job.training;
  training.base = model::initial_parameters(workspace.net(), workspace.layout(), job.key);
  job::JobResult result;
  result.samples = train::run(workspace, training).samples;  // leaves the replica trained
  workspace.net().train(false);
  for (const auto& set : job.asked) {
    const auto p = confidence(answers_of(workspace, set, job.evaluation_batch_size));
    result.numbers.insert(result.numbers.end(), p.begin(), p.end());
    result.samples += static_cast<std::int64_t>(p.size());
  }
  return result;
}

}  // namespace afu::attack
