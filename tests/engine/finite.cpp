#include "engine/finite.hpp"

#include <cmath>
#include <limits>

#include "engine/combine_job.hpp"
#include "tests/engine/fixture.hpp"
#include "train/train_job.hpp"

using namespace afu;
using test::Lane;

namespace {
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float largest_float = std::numeric_limits<float>::max();

/// A vector of the lane's model with `value` in one place.
model::ParametersPtr with(const Lane& lane, float value, std::int64_t place) {
  auto values = torch::ones({lane.workspace->layout()->parameter_count});
  values[place] = value;
  return lane.workspace->wrap(values, torch::empty({0}));
}
}  // namespace

TEST_CASE("neither NaN nor infinity is finite, wherever it stands; all else is, however large") {
  for (std::size_t size : {1, 7, 64, 1000}) {
    std::vector<float> v(size, 1.5f);
    v.front() = -largest_float;
    v.back() = std::numeric_limits<float>::denorm_min();
    CHECK(engine::all_finite(v.data(), static_cast<std::int64_t>(size)));
    for (const float wrong : {infinity, -infinity, std::nanf(""), -std::nanf("")})
      for (std::size_t at : {std::size_t{0}, size / 2, size - 1}) {
        const auto kept = std::exchange(v[at], wrong);
        CHECK_FALSE(engine::all_finite(v.data(), static_cast<std::int64_t>(size)));
        v[at] = kept;
      }
  }
  CHECK(engine::all_finite(nullptr, 0));
}

TEST_CASE("of several vectors the first that is not finite is named; buffers count") {
  Lane lane;
  auto bad_buffers = lane.workspace->wrap(torch::ones({3}), torch::full({2}, std::nan("")));
  const engine::FiniteCheck seen({with(lane, 1, 0), nullptr, bad_buffers, with(lane, infinity, 5)});
  CHECK(seen.finite(0));
  CHECK(seen.finite(1));
  CHECK_FALSE(seen.finite(3));
  CHECK(seen.first_not_finite() == std::optional<std::size_t>{2});
  CHECK_FALSE(engine::FiniteCheck().first_not_finite());
}

TEST_CASE("training that diverges says so, and large steps alone do not") {
  Lane lane;
  train::TrainJob job;
  job.sgd.lr = 0.05;
  job.base = lane.initial;
  job.samples = test::rows(0, 60);
  job.batch_size = 8;
  CHECK_FALSE(lane.run(job).not_finite);
  job.sgd.lr = 1e30;
  job.epochs = 3;
  CHECK(lane.run(job).not_finite == std::optional<std::size_t>{0});
  job.batch_size = 60;  // one step: as large as the gradient, times 1e30
  job.epochs = 1;
  CHECK_FALSE(lane.run(job).not_finite);
}

TEST_CASE("a merge whose sum overflows says which of its vectors is not finite") {
  Lane lane;
  const auto large = with(lane, largest_float, 2049 % lane.workspace->layout()->parameter_count);
  engine::CombineJob job;
  job.outputs = {{lane.initial, 1.0, {{0.5, large, nullptr}}, {}}, {large, 1.0, {{1.0, large, nullptr}}, {}}};
  CHECK(lane.run(job).not_finite == std::optional<std::size_t>{1});
  job.outputs.pop_back();
  CHECK_FALSE(lane.run(job).not_finite);
}
