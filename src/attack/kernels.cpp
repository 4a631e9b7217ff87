#include "attack/kernels.hpp"

#include <stdexcept>
#include <utility>

#include "attack/backdoor.hpp"
#include "attack/membership.hpp"
#include "attack/probe.hpp"
#include "attack/reference.hpp"
#include "attack/relearn.hpp"
#include "config/attack_names.hpp"
#include "engine/kernel_job.hpp"
#include "engine/sgd_settings.hpp"
#include "metrics/evaluate.hpp"
#include "train/local_training.hpp"
#include "train/train_job.hpp"

namespace afu::attack {
namespace {

constexpr Set referenced_sets[] = {forget, holdout, known_out};

const data::IndicesPtr& rows_of(const job::KernelJob& job, Set set) {
  if (job.samples.size() != set_count) throw std::invalid_argument("an attack needs all its sets");
  return job.samples[set];
}

/// The local training of the scenario, as settings of a job.
void set_sgd(config::Values& v, const config::TrainingSection& t) {
  v.set("lr", t.lr);
  v.set("momentum", t.momentum);
  v.set("weight_decay", t.weight_decay);
  v.set("clip_norm", t.clip_norm);
  v.set("batch_size", t.batch_size);
}

void set_augmentation(config::Values& v, const config::Augmentation& a) {
  v.set("flip", a.flip);
  v.set("rotate", a.rotate);
  v.set("scale", a.scale);
  v.set("shift", a.shift);
  v.set("contrast", a.contrast);
  v.set("brightness", a.brightness);
}

config::Augmentation augmentation(const config::Values& v) {
  config::Augmentation a;
  a.flip = v.flag("flip");
  a.rotate = v.real("rotate");
  a.scale = v.real("scale");
  a.shift = v.real("shift");
  a.contrast = v.real("contrast");
  a.brightness = v.real("brightness");
  return a;
}

engine::SgdSettings sgd(const config::Values& v) {
  engine::SgdSettings s;
  s.lr = v.real("lr");
  s.momentum = v.real("momentum");
  s.weight_decay = v.real("weight_decay");
  s.clip_norm = v.real("clip_norm");
  return s;
}

/// The references' answers to one set out of the job's numbers, beside the model's.
Referenced referenced(const job::KernelJob& job, const Answers& model, Set set) {
  std::size_t begin = 0, all = 0;
  for (auto s : referenced_sets) {
    if (s == set) begin = all;
    all += rows_of(job, s) ? rows_of(job, s)->size() : 0;
  }
  const auto models = static_cast<std::size_t>(job.numbers.at(1));
  if (job.numbers.size() != 2 + models * all)
    throw std::invalid_argument("the reference models answered to other samples");
  Referenced r{confidence(model), {}};
  for (std::size_t m = 0; m < models; ++m) {
    const auto from = job.numbers.begin() + static_cast<std::ptrdiff_t>(2 + m * all + begin);
    r.references.emplace_back(from, from + static_cast<std::ptrdiff_t>(model.size()));
  }
  return r;
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
  const auto y = labels.to(torch::kCPU).contiguous();
  return from_logits({z.data_ptr<double>(), z.data_ptr<double>() + z.numel()}, z.size(1),
                     {y.data_ptr<std::int64_t>(), y.data_ptr<std::int64_t>() + y.numel()});
}

job::KernelJob attack_job(const Plan& plan, const model::ParametersPtr& model,
                          const std::vector<std::vector<double>>& references,
                          const model::ParametersPtr& before) {
  job::KernelJob job;
  job.kernel = "attack";
  const auto& s = *plan.scenario;
  for (const auto& k : known) job.settings.set(k.name, plan.asks(k.name));
  for (const auto& k : known)
    if (k.relearns >= 0 && !before) job.settings.set(k.name, false);
  job.settings.set("evaluation_batch_size", s.evaluation.batch_size);
  job.settings.set("rmia_a", s.evaluation.rmia_a);
  job.settings.set("relearn_batches", s.evaluation.relearn_batches);
  set_sgd(job.settings, s.training);
  job.inputs = {model, before};
  job.samples = plan.sets;
  job.numbers = {static_cast<double>(plan.backdoor_label), static_cast<double>(references.size())};
  for (const auto& answers : references)
    job.numbers.insert(job.numbers.end(), answers.begin(), answers.end());
  job.key = {s.scenario.seed, base::purpose("attack"), 0, 0};
  return job;
}

job::KernelJob reference_job(const Plan& plan, std::uint64_t index) {
  job::KernelJob job;
  job.kernel = "reference_model";
  set_sgd(job.settings, plan.scenario->training);
  set_augmentation(job.settings, plan.scenario->training.augment);
  job.settings.set("epochs", plan.reference_epochs);
  job.settings.set("evaluation_batch_size", plan.scenario->evaluation.batch_size);
  job.samples = {plan.reference_rows.at(index)};
  for (auto set : referenced_sets) job.samples.push_back(plan.sets[set]);
  job.key = {plan.scenario->scenario.seed, base::purpose("reference model"), index, 0};
  return job;
}

job::JobResult attack(engine::Workspace& workspace, const job::KernelJob& job) {
  if (job.inputs.empty() || !job.inputs[0]) throw std::invalid_argument("there is no version to attack");
  workspace.load(*job.inputs[0]);
  workspace.net().train(false);
  job::JobResult result;
  const auto batch_size = job.settings.integer("evaluation_batch_size");
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
  if (job.settings.flag("loss")) loss_attack(suspects, key("loss"), figures);
  if (job.settings.flag("scrub")) scrub_attack(suspects, key("scrub"), figures);
  if (job.settings.flag("confidence")) classifier_attack("confidence", &confidence, suspects, figures);
  if (job.settings.flag("entropy")) classifier_attack("entropy", &negative_entropy, suspects, figures);
  if (job.settings.flag("modified_entropy"))
    classifier_attack("modified_entropy", &negative_modified_entropy, suspects, figures);
  if (job.settings.flag("class_thresholds")) class_threshold_attack(suspects, figures);

  const bool sets = suspects.forget.size() > 0 && suspects.holdout.size() > 0;
  if (sets && job.numbers.at(1) > 0) {
    const auto in = referenced(job, suspects.forget, forget);
    const auto out = referenced(job, suspects.holdout, holdout);
    if (job.settings.flag("lira")) report(figures, "lira", separate(lira_scores(in), lira_scores(out)));
    if (job.settings.flag("rmia") && suspects.known_out.size() > 0) {
      const auto population = referenced(job, suspects.known_out, known_out);
      const double a = job.settings.real("rmia_a");
      report(figures, "rmia", separate(rmia_scores(in, population, a), rmia_scores(out, population, a)));
    }
  }
  const auto& triggered_rows = rows_of(job, triggered);
  if (triggered_rows && !triggered_rows->empty()) {
    const auto label = static_cast<std::int64_t>(job.numbers.at(0));
    if (job.settings.flag("backdoor")) {
      const auto plain = ask(clean);
      report_backdoor("backdoor", backdoor_figures(ask(triggered), plain, label), figures);
      report_backdoor("backdoor_control", backdoor_figures(ask(control), plain, label), figures);
    }
    if (job.settings.flag("probe")) {
      report(figures, "probe",
             probe_for_trigger(workspace, *triggered_rows, *rows_of(job, clean), batch_size));
      result.samples += 2 * static_cast<std::int64_t>(triggered_rows->size());
    }
  }
  for (const auto& k : known) {
    if (k.relearns < 0 || !job.settings.flag(k.name) || suspects.forget.size() == 0) continue;
    Relearning r;
    r.name = k.name;
    r.forget = r.shown = rows_of(job, forget);
    if (k.relearns > 0) r.shown = few(r.forget, k.relearns, key("few"));
    r.triggered = triggered_rows;
    r.label = static_cast<std::int64_t>(job.numbers.at(0));
    r.sgd = sgd(job.settings);
    r.batch_size = job.settings.integer("batch_size");
    r.evaluation_batch_size = batch_size;
    r.most = job.settings.integer("relearn_batches");
    r.key = key("relearn");
    relearn(workspace, *job.inputs.at(1), *job.inputs[0], r, result);
  }
  return result;
}

job::JobResult reference_model(engine::Workspace& workspace, const job::KernelJob& job) {
  if (job.samples.size() != 4) throw std::invalid_argument("a reference model needs four sets");
  train::TrainJob training;
  training.base = model::initial_parameters(workspace.net(), workspace.layout(), job.key);
  training.samples = job.samples[0];
  training.sgd = sgd(job.settings);
  training.augment = augmentation(job.settings);
  training.epochs = job.settings.integer("epochs");
  training.batch_size = job.settings.integer("batch_size");
  training.key = job.key;
  training.key.round = 1;
  job::JobResult result;
  result.samples = train::run(workspace, training).samples;  // leaves the replica trained
  workspace.net().train(false);
  for (std::size_t set = 1; set < job.samples.size(); ++set) {
    const auto answers =
        answers_of(workspace, job.samples[set], job.settings.integer("evaluation_batch_size"));
    const auto p = confidence(answers);
    result.numbers.insert(result.numbers.end(), p.begin(), p.end());
    result.samples += static_cast<std::int64_t>(p.size());
  }
  return result;
}

}  // namespace afu::attack
