#include "engine/combine.hpp"

#include <cmath>

#include "engine/combine_job.hpp"
#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using engine::Combination;
using test::Lane;

namespace {

model::ParametersPtr vector(const Lane& lane, double phase) {
  const auto& layout = *lane.workspace->layout();
  return lane.workspace->wrap(torch::arange(layout.parameter_count, torch::kFloat32).add(phase).sin(),
                              torch::arange(layout.buffer_count, torch::kFloat32).add(phase).cos());
}

model::ParametersPtr one(Lane& lane, Combination c) {
  return lane.run(engine::CombineJob{{std::move(c)}}).outputs.at(0);
}

}  // namespace

TEST_CASE("combinations are what they say") {
  Lane lane;
  const auto a = vector(lane, 0), b = vector(lane, 1), c = vector(lane, 2);
  const auto check = [&](const Combination& combination, const torch::Tensor& expected) {
    CHECK(test::largest(one(lane, combination)->values - expected) < 1e-6);
  };
  check({a, 1.0, {{0.3, b, nullptr}}, {}}, a->values + 0.3 * b->values);
  check({a, 0.7, {{0.3, b, nullptr}, {-2.0, c, nullptr}}, {}},
        0.7 * a->values + 0.3 * b->values - 2 * c->values);
  check({a, 0.0, {{1.0, b, nullptr}}, {}}, b->values);
  check({nullptr, 1.0, {{-1.5, b, nullptr}}, {}}, -1.5 * b->values);
  check({nullptr, 1.0, {}, {}}, torch::zeros_like(a->values));
  check({a, 1.0, {}, {}}, a->values);
}

TEST_CASE("any number of terms is added in order, one after the other") {
  Lane lane;
  const auto start = vector(lane, 0);
  Combination c{start, 0.9, {}, {}};
  auto expected = start->values * 0.9f;
  for (int n = 1; n <= 11; ++n) {
    const auto v = vector(lane, n);
    c.terms.push_back({0.1 * n, v, nullptr});
    expected = expected + v->values * static_cast<float>(0.1 * n);
    CAPTURE(n);
    CHECK(at::equal(one(lane, c)->values, expected));
  }
}

TEST_CASE("outputs come in order, are new, and leave their operands alone") {
  Lane lane;
  const auto a = vector(lane, 0), b = vector(lane, 1);
  const auto a_before = a->values.clone();
  const auto result = lane.run(engine::CombineJob{{{a, 1.0, {}, {}}, {b, 1.0, {}, {}}}});
  REQUIRE(result.outputs.size() == 2);
  CHECK(at::equal(result.outputs[0]->values, a->values));
  CHECK(at::equal(result.outputs[1]->values, b->values));
  CHECK(result.outputs[0]->values.data_ptr() != a->values.data_ptr());
  CHECK(at::equal(a->values, a_before));
}

TEST_CASE("the guard removes what points back along -g, and only that") {
  Lane lane;
  const auto g = vector(lane, 0);
  const auto u = g->values / g->values.norm();
  const auto along = [&](const torch::Tensor& v) { return at::dot(u, v).item<double>(); };
  int guarded = 0;
  for (double phase = 0.1; phase < 6.3; phase += 0.7) {
    const auto v = vector(lane, phase);
    const auto out = one(lane, {nullptr, 1.0, {{1.0, v, g}}, {}})->values;
    const double size = v->values.norm().item<double>();
    CHECK(along(out) >= -1e-6 * size);
    if (along(v->values) >= 0) {
      CHECK(test::largest(out - v->values) == 0);
    } else {
      ++guarded;
      CHECK(test::largest(out - (v->values - u * along(v->values))) < 1e-5);
    }
  }
  CHECK(guarded > 0);
  const auto opposite = lane.workspace->wrap(-g->values, g->buffers);
  CHECK(test::largest(one(lane, {g, 1.0, {{0.5, opposite, g}}, {}})->values - g->values) < 1e-6);
  const auto zero = lane.workspace->wrap(torch::zeros_like(g->values), g->buffers);
  CHECK(at::equal(one(lane, {nullptr, 1.0, {{1.0, opposite, zero}}, {}})->values, opposite->values));
}

TEST_CASE("buffers follow their own weights") {
  Lane lane("resnet18", 4, test::small_shape);
  const auto a = vector(lane, 0), b = vector(lane, 1), c = vector(lane, 2);
  REQUIRE(a->buffers.numel() > 0);
  const auto no_buffers = lane.workspace->wrap(a->values, torch::empty({0}));
  CHECK(at::equal(one(lane, {a, 1.0, {{0.5, b, nullptr}}, {}})->buffers, a->buffers));
  CHECK(test::largest(one(lane, {a, 1.0, {}, {{0.3, b}, {0.2, c}}})->buffers -
                      (0.5 * a->buffers + 0.3 * b->buffers + 0.2 * c->buffers)) < 1e-6);
  CHECK(test::largest(one(lane, {nullptr, 1.0, {}, {{0.25, b}, {0.75, c}}})->buffers -
                      (0.25 * b->buffers + 0.75 * c->buffers)) < 1e-6);
  CHECK(one(lane, {nullptr, 1.0, {{1.0, a, nullptr}}, {}})->buffers.numel() == 0);
  CHECK(one(lane, {no_buffers, 1.0, {{1.0, a, nullptr}}, {}})->buffers.numel() == 0);
  CHECK(at::equal(one(lane, {a, 1.0, {{1.0, no_buffers, nullptr}}, {}})->buffers, a->buffers));
}

TEST_CASE("cosines are those of the angles, in order, and 0 for what has none") {
  Lane lane;
  const auto a = vector(lane, 0), b = vector(lane, 1);
  const auto zero = lane.workspace->wrap(torch::zeros_like(a->values), a->buffers);
  const auto opposite = lane.workspace->wrap(-3 * a->values, a->buffers);
  engine::CombineJob job{{{a, 1.0, {}, {}}, {a, 1.0, {}, {}}, {a, 1.0, {{-1.0, a, nullptr}}, {}}}};
  job.outputs[1].compared = {a, b, opposite, zero};
  job.outputs[2].compared = {b};
  const auto result = lane.run(job);
  CHECK(result.outputs.size() == 3);
  REQUIRE(result.numbers.size() == 5);
  const double between =
      (at::dot(a->values, b->values) / (a->values.norm() * b->values.norm())).item<double>();
  CHECK(result.numbers[0] == doctest::Approx(1));
  CHECK(result.numbers[1] == doctest::Approx(between).epsilon(1e-4));
  CHECK(std::abs(between) > 0.1);
  CHECK(result.numbers[2] == doctest::Approx(-1));
  CHECK(result.numbers[3] == 0);
  CHECK(result.numbers[4] == 0);  // the direction is zero
}

TEST_CASE("the feature softmax is over the rows of each column, of the first weight only") {
  for (const char* name : {"mlp", "cnn_small"}) {
    Lane lane(name);
    const auto& first = lane.workspace->layout()->parameters.at(0);
    REQUIRE(first.shape.size() >= 2);
    const auto a = vector(lane, 0);
    Combination c{a, 0.5, {}, {}};
    const auto plain = one(lane, c)->values;
    c.transform = Combination::Transform::feature_softmax;
    const auto out = one(lane, c)->values;
    const auto w = plain.narrow(0, first.offset, first.size).view({first.shape[0], -1});
    const auto scale = w.abs().exp() / w.abs().exp().sum(0, true);
    CHECK(test::largest(out.narrow(0, first.offset, first.size) - (scale * w).flatten()) < 1e-6);
    CHECK(test::largest(scale.sum(0) - 1) < 1e-5);
    const auto rest = first.offset + first.size;
    CHECK(at::equal(out.narrow(0, rest, out.numel() - rest), plain.narrow(0, rest, plain.numel() - rest)));
  }
}

TEST_CASE("combinations that do not fit are refused") {
  Lane lane, other("logreg");
  const auto error_of = [&](Combination c) {
    return engine::execute(*lane.workspace, engine::CombineJob{{std::move(c)}}).error;
  };
  CHECK(error_of({lane.initial, 1.0, {{1.0, nullptr, nullptr}}, {}}) ==
        "combine: a term of a combination has no vector");
  CHECK(error_of({lane.initial, 1.0, {{1.0, other.initial, nullptr}}, {}}).find("where the model has") !=
        std::string::npos);
  CHECK(error_of({lane.initial, 1.0, {}, {{1.0, nullptr}}}) ==
        "combine: a buffer term of a combination has no vector");
}
