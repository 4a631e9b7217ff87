#include "methods/afu_ic_paper/job.hpp"

#include <cmath>
#include <vector>

#include "calibrate/perturbations.hpp"
#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using methods::KlConstant;
using methods::Phi;
using test::Lane;

namespace {

const auto images = test::rows(40, 64);

methods::AugmentationKlJob calibration(const model::ParametersPtr& base) {
  methods::AugmentationKlJob job;
  job.base = base;
  job.environments = {test::rows(40, 52), nullptr, test::rows(52, 64)};
  job.sgd.lr = 0.05;
  job.sgd.momentum = 0.9;
  job.sgd.clip_norm = 5;
  job.steps = 10;
  job.key = {1, base::purpose("test"), 0, 0};
  return job;
}

/// Phi of the calibration images, as the first step draws it.
torch::Tensor augmented(Lane& lane, Phi phi, base::StreamKey key) {
  key.purpose = base::purpose("afu_ic_paper.phi");
  base::Stream stream(key);
  const auto order = lane.workspace->upload(*images);
  auto x = lane.workspace->gather(order, 0, order.size(0)).images;
  if (phi != Phi::blur) x = calibrate::shifted_intensity(x, stream);
  if (phi != Phi::intensity) x = calibrate::blurred(x, stream);
  return x;
}

/// Class probabilities, by row.
std::vector<std::vector<double>> probabilities(const torch::Tensor& logits) {
  const auto z = logits.to(torch::kFloat64).contiguous();
  std::vector<std::vector<double>> all;
  for (std::int64_t i = 0; i < z.size(0); ++i) {
    std::vector<double> p;
    double sum = 0;
    for (std::int64_t c = 0; c < z.size(1); ++c)
      p.push_back(std::exp(z[i][c].item<double>())), sum += p.back();
    for (auto& v : p) v /= sum;
    all.push_back(p);
  }
  return all;
}

struct Values {
  double kl = 0, risk = 0;
};

/// Of the version, by hand.
Values by_hand(Lane& lane, const model::ParametersPtr& version, const methods::AugmentationKlJob& job) {
  const auto clean = probabilities(lane.logits(version, images));
  torch::NoGradGuard no_grad;
  const auto changed = probabilities(lane.workspace->net().forward(augmented(lane, job.phi, job.key)));
  const auto labels = lane.labels(images);
  Values v;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    for (std::size_t c = 0; c < 3; ++c) v.kl += clean[i][c] * std::log(clean[i][c] / changed[i][c]);
    v.risk -= std::log(
        clean[i][static_cast<std::size_t>(labels[static_cast<std::int64_t>(i)].item<std::int64_t>())]);
  }
  const auto n = static_cast<double>(clean.size());
  return {v.kl / n, v.risk / n};
}

double slope(Lane& lane, const methods::AugmentationKlJob& job, std::int64_t at, double weight) {
  const double h = 1e-2;
  const auto moved = [&](double by) {
    auto values = job.base->values.clone();
    values[at] += by;
    const auto v = by_hand(lane, lane.workspace->wrap(values, job.base->buffers), job);
    return v.kl + weight * v.risk;
  };
  return (moved(h) - moved(-h)) / (2 * h);
}

}  // namespace

TEST_CASE("augmentation KL: the loss of a version is what its definition gives by hand") {
  Lane lane("logreg");
  for (const auto phi : {Phi::both, Phi::intensity, Phi::blur}) {
    auto job = calibration(lane.trained(40, 5));
    job.phi = phi;
    job.steps = 0;
    job.cross_entropy = 0.7;
    const auto expected = by_hand(lane, job.base, job);
    const auto f = lane.run(job).figures;
    CHECK(expected.kl > 1e-3);
    CHECK(f.at("penalty_before") == doctest::Approx(expected.kl).epsilon(1e-4));
    CHECK(f.at("risk_before") == doctest::Approx(expected.risk).epsilon(1e-4));
    CHECK(f.at("loss_before") == doctest::Approx(expected.kl + 0.7 * expected.risk).epsilon(1e-4));
    CHECK(f.at("norm") == 0);
    job.cross_entropy = 0;
    CHECK(lane.run(job).figures.count("risk_before") == 0);
  }
}

TEST_CASE("augmentation KL: without a constant branch a step is the slope of the loss; with one it is not") {
  Lane lane("logreg");
  auto job = calibration(lane.trained(40, 5));
  job.steps = 1;
  job.sgd.momentum = 0;
  job.sgd.clip_norm = 0;
  job.cross_entropy = 0.3;
  job.constant = KlConstant::none;
  const auto whole = lane.run(job).outputs.at(0)->values / -job.sgd.lr;
  for (const std::int64_t at : {0, 37, 100, 193})
    CHECK(whole[at].item<double>() == doctest::Approx(slope(lane, job, at, 0.3)).epsilon(0.02));
  // The two halves of the gradient, one a branch, add up to it; the cross entropy's stands in each.
  const auto part = [&](KlConstant constant, double weight) {
    job.constant = constant;
    job.cross_entropy = weight;
    return lane.run(job).outputs.at(0)->values / -job.sgd.lr;
  };
  const auto sum = part(KlConstant::clean, 0.3) + part(KlConstant::augmented, 0);
  CHECK(test::largest(sum - whole) < 1e-4 * test::largest(whole) + 1e-6);
  CHECK(test::largest(part(KlConstant::clean, 0) - part(KlConstant::augmented, 0)) > 1e-3);
}

TEST_CASE("augmentation KL: steps bring the answers to x and Phi(x) together, the same each time") {
  Lane lane;
  auto job = calibration(lane.trained(40, 30));
  for (const auto constant : {KlConstant::clean, KlConstant::augmented, KlConstant::none}) {
    job.constant = constant;
    const auto result = lane.run(job);
    // Where one branch is held constant a step is no descent of the divergence.
    if (constant == KlConstant::none)
      CHECK(result.figures.at("penalty_after") < 0.8 * result.figures.at("penalty_before"));
    CHECK(result.samples == (10 + 1) * 2 * 24);
    CHECK(at::equal(lane.run(job).outputs.at(0)->values, result.outputs.at(0)->values));
  }
  job.batch_size = 8;
  const auto batches = lane.run(job);
  CHECK(batches.samples == 10 * 2 * 8 + 2 * 2 * 24);
  CHECK(at::equal(lane.run(job).outputs.at(0)->values, batches.outputs.at(0)->values));
  job.key.actor = 1;
  CHECK_FALSE(at::equal(lane.run(job).outputs.at(0)->values, batches.outputs.at(0)->values));
}

TEST_CASE("augmentation KL that cannot run says why") {
  Lane lane("logreg");
  auto job = calibration(nullptr);
  CHECK(engine::execute(*lane.workspace, job).error == "augmentation_kl: the base is missing");
  job.base = lane.initial;
  job.environments = {nullptr};
  CHECK(engine::execute(*lane.workspace, job).error ==
        "augmentation_kl: there are no samples to calibrate on");
}
