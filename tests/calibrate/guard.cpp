// The erasure subspace and the gains by layer.
#include "calibrate/erasure_subspace.hpp"

#include <algorithm>

#include "calibrate/jobs.hpp"
#include "calibrate/layer_gains.hpp"
#include "calibrate/objective.hpp"
#include "engine/combine_job.hpp"
#include "tests/engine/fixture.hpp"
#include "train/local_training.hpp"

using namespace afu;
using test::Lane;

namespace {

std::vector<model::ParametersPtr> sketch_of(Lane& lane, const model::ParametersPtr& version, std::int64_t n) {
  calibrate::SketchJob job;
  job.count = n;
  job.batch_size = 8;
  job.model = version;
  job.forget = test::rows(0, 30);
  job.key = {1, base::purpose("test"), 0, 0};
  return lane.run(job).outputs;
}

job::JobResult subspace_of(Lane& lane, const model::ParametersPtr& version, const model::ParametersPtr& e,
                           std::int64_t rank) {
  calibrate::SubspaceJob job;
  job.rank = rank;
  job.model = version;
  job.erasure = e;
  job.sketch = sketch_of(lane, version, rank + 8);
  job.environments = {test::rows(40, 60), test::rows(60, 80), nullptr, test::rows(80, 100)};
  return lane.run(job);
}

double inner_product(const torch::Tensor& a, const torch::Tensor& b) {
  return at::dot(a.to(torch::kFloat64), b.to(torch::kFloat64)).item<double>();
}

}  // namespace

TEST_CASE("leading directions are orthonormal and span what they were made of") {
  torch::manual_seed(1);
  const auto two = torch::randn({2, 50});
  const auto rows = at::mm(torch::randn({6, 2}), two);  // of rank 2
  const auto basis = calibrate::leading_directions(rows, 5);
  REQUIRE(basis.size(0) == 2);
  CHECK(test::largest(at::mm(basis, basis.t()) - torch::eye(2)) < 1e-5);
  CHECK(test::largest(rows - at::mm(at::mm(rows, basis.t()), basis)) < 1e-4);
  CHECK(calibrate::leading_directions(rows, 1).size(0) == 1);
}

TEST_CASE("a sketch is gradients of minibatches of what is to be forgotten") {
  Lane lane;
  const auto version = lane.trained(60, 1);
  const auto sketch = sketch_of(lane, version, 5);
  REQUIRE(sketch.size() == 5);
  for (const auto& g : sketch) CHECK(test::largest(g->values) > 0);
  CHECK(!at::equal(sketch[0]->values, sketch[1]->values));
}

TEST_CASE("the erasure subspace is orthonormal, faces the erasure and leaves the retained gradients alone") {
  Lane lane;
  const auto version = lane.trained(60, 1);
  const auto e = lane.workspace->wrap(lane.initial->values - version->values, lane.initial->buffers);
  const auto result = subspace_of(lane, version, e, 4);
  const auto& basis = result.outputs;
  REQUIRE(basis.size() == 4);
  for (std::size_t i = 0; i < basis.size(); ++i) {
    CHECK(inner_product(basis[i]->values, e->values) >= 0);
    for (std::size_t j = 0; j < basis.size(); ++j)
      CHECK(inner_product(basis[i]->values, basis[j]->values) == doctest::Approx(i == j).epsilon(1e-4));
  }
  lane.workspace->load(*version);
  lane.workspace->net().train(false);
  const auto order = lane.workspace->upload(*test::rows(60, 80));
  train::cross_entropy_gradient(*lane.workspace, lane.workspace->gather(order, 0, 20));
  const auto g = lane.workspace->gradients().clone();
  for (const auto& u : basis) CHECK(std::abs(inner_product(u->values, g)) < 1e-4 * g.norm().item<double>());
}

TEST_CASE("what passes a guard does not point back along any direction of it") {
  Lane lane;
  const auto version = lane.trained(60, 1);
  const auto e = lane.workspace->wrap(lane.initial->values - version->values, lane.initial->buffers);
  const auto basis = subspace_of(lane, version, e, 4).outputs;
  const auto guard = std::make_shared<const engine::Guard>(engine::Guard{e, basis});
  torch::manual_seed(2);
  for (int i = 0; i < 5; ++i) {
    auto v = torch::randn_like(e->values) - e->values;  // aligned against the erasure
    const auto delta = lane.workspace->wrap(v, torch::empty({0}));
    engine::CombineJob job;
    job.outputs.push_back({nullptr, 1.0, {{0.5, delta, nullptr, {guard}}}, {}});
    const auto result = lane.run(job);
    const auto& passed = result.outputs.at(0)->values;
    for (const auto& u : basis) CHECK(inner_product(passed, u->values) > -1e-4);
    // Only what points back is gone: 0.5 (v - sum_j u_j min(u_j . v, 0)).
    auto expected = v.clone();
    for (const auto& u : basis) expected -= u->values * std::min(0.0, inner_product(u->values, v));
    CHECK(test::largest(passed - 0.5 * expected) < 1e-4);
    CHECK(result.figures.at("guarded.0") == 1);
    CHECK(result.figures.at("cosine.0") ==
          doctest::Approx(-inner_product(v, e->values) /
                          std::sqrt(inner_product(v, v) * inner_product(e->values, e->values))));
    CHECK(result.figures.at("removed.0") ==
          doctest::Approx(inner_product(v - expected, v - expected) / inner_product(v, v)).epsilon(1e-3));
  }
}

TEST_CASE("a guard without directions only measures; a pull takes back what slipped through") {
  Lane lane;
  const auto e = lane.trained(60, 1);
  const auto delta = lane.workspace->wrap(-e->values, torch::empty({0}));
  const auto measure = std::make_shared<const engine::Guard>(engine::Guard{e, {}});
  engine::CombineJob job;
  job.outputs.push_back({nullptr, 1.0, {{1.0, delta, nullptr, {measure}}}, {}});
  const auto measured = lane.run(job);
  CHECK(at::equal(measured.outputs.at(0)->values, delta->values));
  CHECK(measured.figures.at("cosine.0") == doctest::Approx(1));
  CHECK(measured.figures.at("removed.0") == 0);

  // A quarter of the erasure has come back into w: a pull of 0.5 takes half of that out, along e of any
  // length.
  const auto guard = std::make_shared<const engine::Guard>(engine::Guard{e, {e}});
  const auto w = lane.plus(lane.initial, lane.workspace->wrap(-0.25 * e->values, torch::empty({0})));
  engine::Combination c{w, 1.0, {}, {}};
  c.pulls.push_back({guard, lane.initial, 0.5});
  job.outputs = {c};
  const auto pulled = lane.run(job).outputs.at(0)->values;
  CHECK(test::largest(pulled - (lane.initial->values - 0.125 * e->values)) < 1e-5);
  c.start = lane.plus(lane.initial, e);  // further along the erasure: nothing to take back
  job.outputs = {c};
  CHECK(at::equal(lane.run(job).outputs.at(0)->values, c.start->values));
}

TEST_CASE("gains are projected onto the mean and the bounds, by hand") {
  // Weights 1 and 3: the weighted mean of (1.2, 1.2) is 1.2, a shift of 0.2 gives 1.
  auto c = calibrate::project_gains({1.2, 1.2}, {1, 3}, 1, 0.5, 1.5);
  CHECK(c[0] == doctest::Approx(1));
  CHECK(c[1] == doctest::Approx(1));
  // The first is held at 1.5: (1.5 + 3 c) / 4 = 1.
  c = calibrate::project_gains({9, 1}, {1, 3}, 1, 0.5, 1.5);
  CHECK(c[0] == doctest::Approx(1.5));
  CHECK(c[1] == doctest::Approx(2.5 / 3));
  c = calibrate::project_gains({7, 0.2, 3}, {2, 1, 0}, 0.8, 0.4, 1.2);
  CHECK(2 * c[0] + c[1] == doctest::Approx(3 * 0.8));
  CHECK(c[2] == 0.8);
}

TEST_CASE("gains by layer cost the calibration set less, and erase as much") {
  Lane lane("cnn_small", 120);
  const auto version = lane.trained(60, 2);
  const auto s = lane.workspace->wrap(version->values - lane.initial->values, version->buffers);
  calibrate::LayerGainsJob job;
  job.gain = 0.8;
  job.spread = 0.5;
  job.steps = 6;
  job.beta = 1.0;
  job.model = version;
  job.influence = s;
  job.environments = {test::rows(60, 80), test::rows(80, 100)};
  const auto result = lane.run(job);
  CHECK(result.figures.at("loss") < result.figures.at("loss_uniform"));
  for (double c : result.numbers) {
    CHECK(c >= 0.4 - 1e-9);
    CHECK(c <= 1.2 + 1e-9);
  }
  const auto& delta = result.outputs.at(0)->values;
  CHECK(-inner_product(delta, s->values) / inner_product(s->values, s->values) ==
        doctest::Approx(0.8).epsilon(1e-4));
}
