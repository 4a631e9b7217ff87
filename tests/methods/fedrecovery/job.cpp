#include "methods/fedrecovery/job.hpp"

#include <cmath>

#include "engine/execute.hpp"
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
  methods::FedrecoveryJob job;
  double w = 0;
  for (int t = 0; t < 20; ++t) {
    double next = w;
    for (double c : centres) next += 0.25 * 0.05 * (c - w);
    job.rounds.push_back(
        {scalar(lane, w), scalar(lane, next), 0.25, {{0.25, scalar(lane, 0.05 * (10 - w))}}});
    w = next;
  }
  CHECK(w == doctest::Approx(2.56606).epsilon(1e-5));
  job.model = scalar(lane, w);
  CHECK(w + value(lane.run(job).outputs.at(0)) == doctest::Approx(2.46606).epsilon(1e-4));

  auto noisy = job;
  noisy.epsilon = 5;
  const auto result = lane.run(noisy);
  CHECK(result.figures.at("sigma") == doctest::Approx(1.0545).epsilon(1e-3));
  CHECK(result.outputs[0]->values.std().item<double>() == doctest::Approx(1.0545).epsilon(0.2));
}

TEST_CASE("rounds without the target count in the weights and add nothing") {
  Lane lane("logreg");
  methods::FedrecoveryJob job;
  job.model = scalar(lane, 3);
  job.rounds = {{scalar(lane, 0), scalar(lane, 1), 0.5, {{0.5, scalar(lane, 2)}}},
                {scalar(lane, 1), scalar(lane, 3), 0, {}}};  // |Delta| is 1 with the target, 2 without
  // delta = (0.5 * 2 - 0.5 * 1) / 0.5 = 1, p = 1 / (1 + 4)
  CHECK(value(lane.run(job).outputs.at(0)) == doctest::Approx(-0.2));
}

TEST_CASE("FedRecovery as in FedAU's port: weights by earlier rounds, and the retained clients' part goes") {
  Lane lane("logreg");
  methods::FedrecoveryJob job;
  // Three rounds, from 0 to 1, 3 and 7; the target's updates are 2, 3 and 5 at a weight of 1/4.
  job.model = scalar(lane, 7);
  job.rounds = {{scalar(lane, 0), scalar(lane, 1), 0.25, {{0.25, scalar(lane, 2)}}},
                {scalar(lane, 1), scalar(lane, 3), 0.25, {{0.25, scalar(lane, 3)}}},
                {scalar(lane, 3), scalar(lane, 7), 0.25, {{0.25, scalar(lane, 5)}}}};
  // delta_i = (Delta_u - Delta) / 3: 1/3, 1/3, 1/3.
  CHECK(value(lane.run(job).outputs.at(0)) == doctest::Approx(-1 / 3.0));
  job.weights = methods::RoundWeights::earlier;  // p: 0, 4 / 1, 16 / (1 + 4)
  CHECK(value(lane.run(job).outputs.at(0)) == doctest::Approx(-(4 + 3.2) / 3));
  job.residual = methods::Residual::retained;
  job.scale = 5;
  // delta_i = (Delta - Delta_u / 4) / 3: of rounds 2 and 3 1.25 / 3, 2.75 / 3
  CHECK(value(lane.run(job).outputs.at(0)) == doctest::Approx(-5 * (4 * 1.25 + 3.2 * 2.75) / 3));
}

TEST_CASE("FedRecovery's noise is the key's, and what is missing is named") {
  Lane lane("logreg");
  methods::FedrecoveryJob job;
  job.model = scalar(lane, 1);
  job.sigma = 0.5;
  job.key = {1, 2, 3, 4};
  const auto first = lane.run(job).outputs.at(0)->values;
  CHECK(first.std().item<double>() == doctest::Approx(0.5).epsilon(0.2));
  CHECK(at::equal(lane.run(job).outputs.at(0)->values, first));
  job.key.round = 5;
  CHECK_FALSE(at::equal(lane.run(job).outputs.at(0)->values, first));
  const auto error = [&] { return engine::execute(*lane.workspace, job).error; };
  job.rounds = {{scalar(lane, 0), scalar(lane, 1), 0.5, {{0.5, nullptr}}}};
  CHECK(error() == "fedrecovery: an update of the target is missing");
  job.rounds[0].end = nullptr;
  CHECK(error() == "fedrecovery: a round's end is missing");
  job.model = nullptr;
  CHECK(error() == "fedrecovery: the model is missing");
}
