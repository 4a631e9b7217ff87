#include "methods/sifu/job.hpp"

#include <cmath>

#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

struct Rounds {
  Lane lane{"logreg"};
  double each = std::sqrt(static_cast<double>(lane.initial->values.numel()));  ///< length of a vector of ones

  model::ParametersPtr vector(double value) const {
    return lane.workspace->wrap(torch::full_like(lane.initial->values, value), lane.initial->buffers);
  }
  /// Three rounds of steps 1, 1 and 2; the target's updates are `own` with weight `share` in each.
  methods::SifuJob job(double own, double share) const {
    methods::SifuJob j;
    j.first = vector(0);
    double at = 0;
    for (const double step : {1.0, 1.0, 2.0}) {
      methods::RememberedRound r{vector(at), vector(at + step), share, {}};
      at += step;
      if (share > 0) r.target.emplace_back(share, vector(own));
      j.rounds.push_back(r);
    }
    j.key = {1, base::purpose("test"), 0, 0};
    return j;
  }
  double version(const job::JobResult& r) const { return r.outputs.at(0)->values[0].item<double>(); }
};

}  // namespace

TEST_CASE("sifu's threshold is the Gaussian mechanism's") {
  CHECK(methods::sifu_threshold(1, 0.1, 0.05) == doctest::Approx(0.05 / std::sqrt(2 * std::log(12.5))));
  CHECK(methods::sifu_threshold(10, 0.1, 0.05) ==
        doctest::Approx(10 * methods::sifu_threshold(1, 0.1, 0.05)));
}

TEST_CASE("sifu's sensitivity by hand: of means, of added differences, and with a contraction") {
  Rounds r;
  auto job = r.job(3, 0.25);
  job.mean = true;
  // |0.25 * 3 - 0.25 * step| / 0.75 of ones: 2/3, 2/3 and 1/3.
  auto psi = r.lane.run(job).numbers;
  REQUIRE(psi.size() == 3);
  CHECK(psi[0] == doctest::Approx(r.each * 2 / 3).epsilon(1e-5));
  CHECK(psi[1] == doctest::Approx(r.each * 4 / 3).epsilon(1e-5));
  CHECK(psi[2] == doctest::Approx(r.each * 5 / 3).epsilon(1e-5));
  job.contraction = 0.5;
  psi = r.lane.run(job).numbers;
  CHECK(psi[2] == doctest::Approx(r.each * (2.0 / 12 + 2.0 / 6 + 1.0 / 3)).epsilon(1e-5));
  job.contraction = 1;
  job.mean = false;
  psi = r.lane.run(job).numbers;
  CHECK(psi[2] == doctest::Approx(r.each * 3 * 0.75).epsilon(1e-5));
  auto alone = r.job(1, 1);
  alone.mean = true;  // what it did alone is all that was done
  CHECK(r.lane.run(alone).numbers[2] == doctest::Approx(r.each * 4).epsilon(1e-5));
  CHECK(r.lane.run(r.job(3, 0)).numbers == std::vector<double>{0, 0, 0});
}

TEST_CASE("sifu goes back to the last version below the threshold, and no further once it was above") {
  Rounds r;
  auto job = r.job(3, 0.25);  // Psi is 0.75, 1.5, 2.25 times a vector of ones
  const auto at = [&](double threshold) {
    job.threshold = threshold * r.each;
    return r.lane.run(job);
  };
  CHECK(r.version(at(0.7)) == doctest::Approx(0));
  CHECK(at(0.7).figures.at("rounds") == 0);
  CHECK(r.version(at(1.6)) == doctest::Approx(2));
  CHECK(at(1.6).figures.at("psi") == doctest::Approx(1.5 * r.each).epsilon(1e-5));
  CHECK(r.version(at(9)) == doctest::Approx(4));
  job.contraction = 0.1;  // Psi is 0.75, 0.825, 0.8325: above, then never looked at again
  job.rounds[2].target.clear();
  CHECK(r.version(at(0.8)) == doctest::Approx(1));
}

TEST_CASE("sifu's noise has its deviation, and is drawn from its key alone") {
  Rounds r;
  auto job = r.job(3, 0.25);
  job.sigma = 0.5;
  const auto one = r.lane.run(job).outputs.at(0)->values;
  CHECK(at::equal(r.lane.run(job).outputs.at(0)->values, one));
  CHECK(std::abs(one.mean().item<double>()) < 0.15);
  CHECK(one.std().item<double>() == doctest::Approx(0.5).epsilon(0.15));
  job.key.round = 1;
  CHECK_FALSE(at::equal(r.lane.run(job).outputs.at(0)->values, one));
  job.rounds[0].target[0].second = nullptr;
  CHECK(engine::execute(*r.lane.workspace, job).error == "sifu: an update of the target is missing");
}
