#include "methods/federaser/job.hpp"

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

}  // namespace

TEST_CASE(
    "FedEraser as in the released code: the clients' mean keeps its length and takes the new direction") {
  Lane lane("logreg");
  const auto pair = [&](double x, double y) {
    auto v = torch::zeros_like(lane.initial->values);
    v[0] = x, v[1] = y;
    return lane.workspace->wrap(v, lane.initial->buffers);
  };
  methods::FederaserStepJob job;
  job.model = pair(0, 0);
  job.updates = {{0.5, pair(0.1, 0), {pair(3, 0), 1, {}, {}}}, {0.5, pair(0, 0.1), {pair(5, 0), 1, {}, {}}}};
  auto v = lane.run(job).outputs.at(0)->values;
  CHECK(v[0].item<double>() == doctest::Approx(1.5));  // 3/2 along the first's, 5/2 along the second's
  CHECK(v[1].item<double>() == doctest::Approx(2.5));
  job.calibrate = methods::LengthOfWhom::mean;
  v = lane.run(job).outputs.at(0)->values;
  CHECK(v[0].item<double>() == doctest::Approx(4 / std::sqrt(2.0)));  // 4 along the diagonal
  CHECK(v[1].item<double>() == doctest::Approx(4 / std::sqrt(2.0)));
  job.printed_factor = true;
  CHECK(lane.run(job).outputs.at(0)->values[0].item<double>() == doctest::Approx(2 / std::sqrt(2.0)));
  job.calibrate = methods::LengthOfWhom::client;
  CHECK(lane.run(job).outputs.at(0)->values[1].item<double>() == doctest::Approx(1.25));
}

TEST_CASE("FedEraser keeps the stored update's length and takes the new one's direction") {
  Lane lane("mlp");
  const auto& base = lane.initial;
  const auto stored = lane.workspace->wrap(torch::randn_like(base->values), base->buffers);
  const auto fresh = lane.workspace->wrap(torch::randn_like(base->values) * 0.01, base->buffers);
  for (const auto norm : {methods::LengthOf::whole, methods::LengthOf::layer}) {
    CAPTURE(static_cast<int>(norm));
    methods::FederaserStepJob job;
    job.norm = norm;
    job.model = base;
    job.updates = {{0.5, fresh, {stored, 1, {}, {}}}};
    const auto step = ((lane.run(job).outputs.at(0)->values - base->values) / 0.5).to(torch::kFloat64);
    const auto parts = lane.workspace->layout()->parameters;
    if (norm == methods::LengthOf::whole) {
      CHECK(step.norm().item<double>() ==
            doctest::Approx(stored->values.norm().item<double>()).epsilon(1e-4));
      CHECK(at::cosine_similarity(step, fresh->values.to(torch::kFloat64), 0).item<double>() ==
            doctest::Approx(1.0));
    }
    for (const auto& s : parts) {
      const auto piece = step.narrow(0, s.offset, s.size);
      const double length = stored->values.narrow(0, s.offset, s.size).norm().item<double>();
      if (norm == methods::LengthOf::layer)
        CHECK(piece.norm().item<double>() == doctest::Approx(length).epsilon(1e-3));
    }
  }
}

TEST_CASE("an update of length zero moves nothing") {
  Lane lane("logreg");
  methods::FederaserStepJob job;
  job.model = lane.initial;
  job.updates = {{1, scalar(lane, 0), {scalar(lane, 5), 1, {}, {}}}};
  CHECK(at::equal(lane.run(job).outputs.at(0)->values, lane.initial->values));
}

TEST_CASE("a calibration round's step that lacks a vector says which") {
  Lane lane("logreg");
  methods::FederaserStepJob job;
  const auto error = [&] { return engine::execute(*lane.workspace, job).error; };
  CHECK(error() == "federaser_step: the calibrated model is missing");
  job.model = lane.initial;
  job.updates = {{1, nullptr, {lane.initial, 1, {}, {}}}};
  CHECK(error() == "federaser_step: a new update is missing");
}
