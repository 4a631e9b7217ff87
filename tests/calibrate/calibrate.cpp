#include <cmath>

#include "calibrate/jobs.hpp"
#include "calibrate/losses.hpp"
#include "calibrate/objective.hpp"
#include "config/scenario.hpp"
#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

torch::Tensor some_logits() { return torch::arange(21, torch::kFloat64).mul(1.7).sin().mul(3).view({7, 3}); }
torch::Tensor some_labels() { return torch::tensor({0, 2, 1, 1, 0, 2, 0}, torch::kInt64); }

calibrate::CalibrateJob job_for(const model::ParametersPtr& base, const model::ParametersPtr& teacher) {
  auto job = calibrate::calibrate_job(config::Scenario{}, 0);
  job.descent.steps = 20;

  job.base = base;
  job.before = teacher;
  job.environments = {test::rows(60, 80), test::rows(80, 95), nullptr, test::rows(0, 0), test::rows(95, 120)};
  return job;
}

}  // namespace

TEST_CASE("the IRM penalty is the squared derivative by the dummy scale") {
  const auto z = some_logits();
  const auto y = some_labels();
  const double h = 1e-5;
  const auto risk = [&](double scale) { return calibrate::environment_risk(z * scale, y).item<double>(); };
  const double derivative = (risk(1 + h) - risk(1 - h)) / (2 * h);
  CHECK(calibrate::irm_penalty(z, y).item<double>() ==
        doctest::Approx(derivative * derivative).epsilon(1e-8));

  // The gradient by the logits, against differences of the penalty itself.
  auto variable = z.clone().set_requires_grad(true);
  calibrate::irm_penalty(variable, y).backward();
  for (int i = 0; i < 7; ++i)
    for (int j = 0; j < 3; ++j) {
      auto up = z.clone(), down = z.clone();
      up[i][j] += h;
      down[i][j] -= h;
      const double expected =
          (calibrate::irm_penalty(up, y) - calibrate::irm_penalty(down, y)).item<double>() / (2 * h);
      CHECK(variable.grad()[i][j].item<double>() == doctest::Approx(expected).epsilon(1e-6));
    }
}

TEST_CASE("the distillation KL") {
  const auto z = some_logits();
  CHECK(calibrate::distillation_kl(z.log_softmax(1), z).item<double>() == doctest::Approx(0).epsilon(1e-12));
  const auto p = torch::tensor({0.5, 0.25, 0.25}, torch::kFloat64).view({1, 3});
  const auto q = torch::tensor({0.2, 0.2, 0.6}, torch::kFloat64).view({1, 3});
  const double expected = 0.5 * std::log(2.5) + 0.25 * std::log(1.25) + 0.25 * std::log(0.25 / 0.6);
  CHECK(calibrate::distillation_kl(p.log(), q.log()).item<double>() == doctest::Approx(expected));
  const auto sure = torch::tensor({1.0, 0.0, 0.0}, torch::kFloat64).view({1, 3});  // logarithms of 0
  CHECK(calibrate::distillation_kl(sure.log(), q.log()).item<double>() == doctest::Approx(std::log(5.0)));
}

TEST_CASE("without steps, or with lr 0, the calibrator changes nothing") {
  Lane lane;
  const auto teacher = lane.trained(60, 2);
  auto job = job_for(lane.initial, teacher);
  job.descent.sgd.lr = 0.0;
  job.objective.beta = 0.0;
  const auto still = lane.run(job);
  CHECK(test::largest(still.outputs.at(0)->values) == 0);
  CHECK(still.figures.at("loss_before") == still.figures.at("loss_after"));
  job = job_for(lane.initial, teacher);
  job.descent.steps = 0;
  const auto none = lane.run(job);
  CHECK(test::largest(none.outputs.at(0)->values) == 0);
  CHECK(none.figures.at("loss_before") == none.figures.at("loss_after"));
}

TEST_CASE("the calibrator's loss is the documented sum, and its first step goes down the gradient") {
  Lane lane;
  const auto teacher = lane.trained(60, 2);
  auto job = job_for(lane.initial, teacher);
  job.objective.beta = 0.7;
  job.objective.invariance = calibrate::Invariance::irm;
  job.objective.lambda = 0.3;
  job.descent.sgd.clip_norm = 0.0;
  job.descent.steps = 1;
  const auto result = lane.run(job);

  const data::IndicesPtr environments[] = {job.environments[0], job.environments[1], job.environments[4]};
  const auto targets = lane.logits(teacher, test::rows(60, 120)).log_softmax(1);
  lane.workspace->load(*lane.initial);
  lane.workspace->gradients().zero_();
  auto loss = torch::zeros({});
  for (const auto& e : environments) {
    const auto order = lane.workspace->upload(*e);
    const auto batch = lane.workspace->gather(order, 0, order.size(0));
    const auto z = lane.workspace->net().forward(batch.images);
    loss = loss +
           (calibrate::environment_risk(z, batch.labels) + 0.3 * calibrate::irm_penalty(z, batch.labels)) / 3;
  }
  const auto order = lane.workspace->upload(*test::rows(60, 120));
  loss =
      loss + 0.7 * calibrate::distillation_kl(
                       targets, lane.workspace->net().forward(lane.workspace->gather(order, 0, 60).images));
  loss.backward();
  CHECK(result.figures.at("loss_before") == doctest::Approx(loss.item<double>()).epsilon(1e-5));
  CHECK(test::largest(result.outputs[0]->values + 0.01 * lane.workspace->gradients()) < 1e-6);
  CHECK(result.figures.at("loss_after") < result.figures.at("loss_before"));
  CHECK(result.samples == 60 * 3);
}

TEST_CASE("calibration sets too large for one batch give the same gradient") {
  Lane lane("logreg", 1500);
  const auto teacher = lane.trained(100, 1);
  auto job = job_for(lane.initial, teacher);
  job.descent.steps = 1;
  job.descent.sgd.clip_norm = 0.0;
  job.environments = {test::rows(0, 700), test::rows(700, 900), test::rows(900, 1400)};
  const auto result = lane.run(job);
  const auto targets = lane.logits(teacher, test::rows(0, 1400)).log_softmax(1);
  lane.workspace->load(*lane.initial);
  lane.workspace->gradients().zero_();
  const auto order = lane.workspace->upload(*test::rows(0, 1400));
  const auto batch = lane.workspace->gather(order, 0, 1400);
  const auto z = lane.workspace->net().forward(batch.images);
  auto loss = calibrate::distillation_kl(targets, z);
  for (auto [begin, n] : {std::pair<int, int>{0, 700}, {700, 200}, {900, 500}})
    loss = loss + calibrate::environment_risk(z.narrow(0, begin, n), batch.labels.narrow(0, begin, n)) / 3;
  loss.backward();
  CHECK(result.figures.at("loss_before") == doctest::Approx(loss.item<double>()).epsilon(1e-5));
  CHECK(test::largest(result.outputs[0]->values + 0.01 * lane.workspace->gradients()) < 1e-6);
}

TEST_CASE("distillation pulls the outputs towards the teacher's") {
  Lane lane;
  const auto teacher = lane.trained(60);
  auto job = job_for(lane.initial, teacher);
  const auto kl_after = [&](double beta) {
    job.objective.beta = beta;
    return lane.run(job).figures.at("kl_after");
  };
  job.descent.steps = 0;
  const double before = kl_after(1);
  job.descent.steps = 20;
  CHECK(kl_after(1) < before);
  CHECK(kl_after(10) < kl_after(0));
}

TEST_CASE("in stages the calibrator goes from the model before the erasure to the erased one") {
  Lane lane;
  const auto before = lane.trained(60, 2);
  // e takes the training out again: the base is the initial model.
  auto erasure = std::make_shared<model::ParameterVector>(*lane.initial);
  erasure->values = lane.initial->values - before->values;
  auto job = job_for(lane.initial, before);
  job.erasure = erasure;
  job.descent.sgd.momentum = 0.0;
  const auto from = [&](const torch::Tensor& values, std::int64_t steps, std::int64_t stages) {
    auto start = std::make_shared<model::ParameterVector>(*lane.initial);
    start->values = values;
    job.base = start;
    job.descent.steps = steps;
    job.descent.stages = stages;
    return lane.run(job);
  };
  // Three parts before four steps: before the steps 0, 1 and 2.
  auto w = before->values;
  for (int step = 0; step < 4; ++step) {
    if (step < 3) w = w + erasure->values / 3;
    w = w + from(w, 1, 1).outputs[0]->values;
  }
  const auto staged = from(lane.initial->values, 4, 3);
  CHECK(test::largest(staged.outputs[0]->values) > 1e-3);
  CHECK(test::largest(lane.initial->values + staged.outputs[0]->values - w) < 1e-5);
  const auto whole = from(lane.initial->values, 4, 1);
  CHECK(test::largest(staged.outputs[0]->values - whole.outputs[0]->values) > 1e-4);
  // The figures tell of the erased model, where a calibration without stages begins, and of the last.
  CHECK(staged.figures.at("loss_before") == doctest::Approx(whole.figures.at("loss_before")));
  CHECK(staged.figures.at("loss_after") ==
        doctest::Approx(from(w, 0, 1).figures.at("loss_before")).epsilon(1e-4));

  job.descent.sgd.lr = 0.0;
  CHECK(test::largest(from(lane.initial->values, 4, 4).outputs[0]->values) < 1e-6);
  CHECK(engine::execute(*lane.workspace, job).error == "");
  job.descent.stages = 5;
  CHECK(engine::execute(*lane.workspace, job).error == "calibrate: stages is 5, allowed is 1 to 4");
  job.descent.stages = 2;
  job.erasure = nullptr;
  CHECK(engine::execute(*lane.workspace, job).error == "calibrate: stages need the erasure as an input");
}

TEST_CASE("calibration keeps the normalisation's statistics") {
  Lane lane("resnet18", 12, test::small_shape);
  auto job = job_for(lane.initial, lane.initial);
  job.environments = {test::rows(0, 4), test::rows(4, 10)};
  job.descent.steps = 1;
  const auto result = lane.run(job);
  CHECK(at::equal(result.outputs[0]->buffers, lane.initial->buffers));
  CHECK(test::largest(result.outputs[0]->values) > 0);
}

TEST_CASE("a calibration that cannot run says why") {
  Lane lane;
  auto job = job_for(lane.initial, nullptr);
  CHECK(engine::execute(*lane.workspace, job).error == "calibrate: the inputs are the base and the teacher");
  job = job_for(lane.initial, lane.initial);
  job.environments = {nullptr};
  CHECK(engine::execute(*lane.workspace, job).error == "calibrate: there are no samples to calibrate on");
  job = job_for(lane.initial, lane.initial);
  job.descent.steps = -1;
  CHECK(engine::execute(*lane.workspace, job).error == "calibrate: steps is -1, allowed is 0 or more");
}
