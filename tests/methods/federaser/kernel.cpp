#include "methods/federaser/kernel.hpp"

#include <cmath>

#include "engine/kernel_job.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

/// A vector of the lane's layout with one value that is not zero.
model::ParametersPtr scalar(Lane& lane, double value) {
  auto v = torch::zeros_like(lane.initial->values);
  v[0] = value;
  return lane.workspace->wrap(v, lane.initial->buffers);
}
double value(const model::ParametersPtr& p) { return p->values[0].item<double>(); }

job::KernelJob recovery_job() {
  job::KernelJob job;
  job.kernel = "fedrecovery";
  for (const char* name : {"sigma", "epsilon"}) job.settings.set(name, 0.0);
  job.settings.set("scale", 1.0);
  job.settings.set("weights", std::string("all"));
  job.settings.set("residual", std::string("target"));
  job.settings.set("beta", 1e-5);
  job.settings.set("sensitivity", 1.0);
  job.key = {1, 2, 3, 4};
  return job;
}

}  // namespace

TEST_CASE("FedRecovery's noise has the published scale") {
  const std::pair<double, double> golden[] = {{0.1, 48.089}, {1, 4.9006}, {5, 1.0545}, {10, 0.5679}};
  for (auto [epsilon, sigma] : golden) {
    CHECK(methods::recovery_sigma(epsilon, 1e-5, 1) == doctest::Approx(sigma).epsilon(2e-4));
    CHECK(methods::recovery_sigma(epsilon, 1e-5, 3) == doctest::Approx(3 * sigma).epsilon(2e-4));
    const double s = methods::recovery_sigma(epsilon, 1e-5, 1);
    CHECK(1 / (2 * s * s) + std::sqrt(2 * std::log(1e5)) / s == doctest::Approx(epsilon));
  }
}

TEST_CASE("FedRecovery on four quadratics moves by the published amounts") {
  // f_i = (w - c_i)^2 / 2, c = 1, 2, 3, 10; 20 rounds of step 0.05 from 0; the last client leaves.
  Lane lane("logreg");
  const double centres[] = {1, 2, 3, 10};
  auto job = recovery_job();
  double w = 0;
  std::vector<model::ParametersPtr> inputs;
  for (int t = 0; t < 20; ++t) {
    double next = w;
    for (double c : centres) next += 0.25 * 0.05 * (c - w);
    inputs.insert(inputs.end(), {scalar(lane, w), scalar(lane, next), scalar(lane, 0.05 * (10 - w))});
    job.numbers.insert(job.numbers.end(), {0.25, 1, 0.25});
    w = next;
  }
  CHECK(w == doctest::Approx(2.56606).epsilon(1e-5));
  job.inputs = {scalar(lane, w)};
  job.inputs.insert(job.inputs.end(), inputs.begin(), inputs.end());
  CHECK(w + value(lane.run(job).outputs.at(0)) == doctest::Approx(2.46606).epsilon(1e-4));

  auto noisy = job;
  noisy.settings.set("epsilon", 5.0);
  const auto result = lane.run(noisy);
  CHECK(result.figures.at("sigma") == doctest::Approx(1.0545).epsilon(1e-3));
  CHECK(result.outputs[0]->values.std().item<double>() == doctest::Approx(1.0545).epsilon(0.2));
}

TEST_CASE("rounds without the target count in the weights and add nothing") {
  Lane lane("logreg");
  auto job = recovery_job();
  job.inputs = {scalar(lane, 3), scalar(lane, 0), scalar(lane, 1),
                scalar(lane, 2), scalar(lane, 1), scalar(lane, 3)};
  job.numbers = {0.5, 1, 0.5, 0, 0};  // |Delta| is 1 with the target, 2 without
  // delta = (0.5 * 2 - 0.5 * 1) / 0.5 = 1, p = 1 / (1 + 4)
  CHECK(value(lane.run(job).outputs.at(0)) == doctest::Approx(-0.2));
}

TEST_CASE("FedRecovery as in FedAU's port: weights by earlier rounds, and the retained clients' part goes") {
  Lane lane("logreg");
  auto job = recovery_job();
  // Three rounds, from 0 to 1, 3 and 7; the target's updates are 2, 3 and 5 at a weight of 1/4.
  job.inputs = {scalar(lane, 7), scalar(lane, 0), scalar(lane, 1), scalar(lane, 2), scalar(lane, 1),
                scalar(lane, 3), scalar(lane, 3), scalar(lane, 3), scalar(lane, 7), scalar(lane, 5)};
  job.numbers = {0.25, 1, 0.25, 0.25, 1, 0.25, 0.25, 1, 0.25};
  // delta_i = (Delta_u - Delta) / 3: 1/3, 1/3, 1/3.
  CHECK(value(lane.run(job).outputs.at(0)) == doctest::Approx(-1 / 3.0));
  job.settings.set("weights", std::string("earlier"));  // p: 0, 4 / 1, 16 / (1 + 4)
  CHECK(value(lane.run(job).outputs.at(0)) == doctest::Approx(-(4 + 3.2) / 3));
  job.settings.set("residual", std::string("retained"));
  job.settings.set("scale",
                   5.0);  // delta_i = (Delta - Delta_u / 4) / 3: of rounds 2 and 3 1.25 / 3, 2.75 / 3
  CHECK(value(lane.run(job).outputs.at(0)) == doctest::Approx(-5 * (4 * 1.25 + 3.2 * 2.75) / 3));
}

TEST_CASE(
    "FedEraser as in the released code: the clients' mean keeps its length and takes the new direction") {
  Lane lane("logreg");
  const auto pair = [&](double x, double y) {
    auto v = torch::zeros_like(lane.initial->values);
    v[0] = x, v[1] = y;
    return lane.workspace->wrap(v, lane.initial->buffers);
  };
  job::KernelJob job;
  job.kernel = "federaser_step";
  job.settings.set("norm", std::string("global"));
  job.settings.set("calibrate", std::string("client"));
  job.settings.set("printed_factor", false);
  job.inputs = {pair(0, 0), pair(0.1, 0), pair(0, 0.1), pair(3, 0), pair(5, 0)};
  job.numbers = {0.5, 0.5};
  auto v = lane.run(job).outputs.at(0)->values;
  CHECK(v[0].item<double>() == doctest::Approx(1.5));  // 3/2 along the first's, 5/2 along the second's
  CHECK(v[1].item<double>() == doctest::Approx(2.5));
  job.settings.set("calibrate", std::string("mean"));
  v = lane.run(job).outputs.at(0)->values;
  CHECK(v[0].item<double>() == doctest::Approx(4 / std::sqrt(2.0)));  // 4 along the diagonal
  CHECK(v[1].item<double>() == doctest::Approx(4 / std::sqrt(2.0)));
  job.settings.set("printed_factor", true);
  CHECK(lane.run(job).outputs.at(0)->values[0].item<double>() == doctest::Approx(2 / std::sqrt(2.0)));
  job.settings.set("calibrate", std::string("client"));
  CHECK(lane.run(job).outputs.at(0)->values[1].item<double>() == doctest::Approx(1.25));
}

TEST_CASE("FedEraser keeps the stored update's length and takes the new one's direction") {
  Lane lane("mlp");
  const auto& base = lane.initial;
  const auto stored = lane.workspace->wrap(torch::randn_like(base->values), base->buffers);
  const auto fresh = lane.workspace->wrap(torch::randn_like(base->values) * 0.01, base->buffers);
  for (const char* norm : {"global", "layer"}) {
    CAPTURE(norm);
    job::KernelJob job;
    job.kernel = "federaser_step";
    job.settings.set("norm", std::string(norm));
    job.settings.set("calibrate", std::string("client"));
    job.settings.set("printed_factor", false);
    job.inputs = {base, fresh, stored};
    job.numbers = {0.5};
    const auto step = ((lane.run(job).outputs.at(0)->values - base->values) / 0.5).to(torch::kFloat64);
    const auto parts = lane.workspace->layout()->parameters;
    if (norm == std::string("global")) {
      CHECK(step.norm().item<double>() ==
            doctest::Approx(stored->values.norm().item<double>()).epsilon(1e-4));
      CHECK(at::cosine_similarity(step, fresh->values.to(torch::kFloat64), 0).item<double>() ==
            doctest::Approx(1.0));
    }
    for (const auto& s : parts) {
      const auto piece = step.narrow(0, s.offset, s.size);
      const double length = stored->values.narrow(0, s.offset, s.size).norm().item<double>();
      if (norm == std::string("layer"))
        CHECK(piece.norm().item<double>() == doctest::Approx(length).epsilon(1e-3));
    }
  }
}

TEST_CASE("an update of length zero moves nothing") {
  Lane lane("logreg");
  job::KernelJob job;
  job.kernel = "federaser_step";
  job.settings.set("norm", std::string("global"));
  job.settings.set("calibrate", std::string("client"));
  job.settings.set("printed_factor", false);
  job.inputs = {lane.initial, scalar(lane, 0), scalar(lane, 5)};
  job.numbers = {1};
  CHECK(at::equal(lane.run(job).outputs.at(0)->values, lane.initial->values));
}
