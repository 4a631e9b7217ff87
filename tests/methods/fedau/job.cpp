#include "methods/fedau/job.hpp"

#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"
#include "train/auxiliary_head.hpp"
#include "train/train_job.hpp"

using namespace afu;
using test::Lane;

namespace {

model::HeadRange range_of(Lane& lane) {
  return model::head_range(lane.workspace->net(), *lane.workspace->layout());
}

methods::FedauPostHocJob post_hoc(const model::ParametersPtr& base) {
  methods::FedauPostHocJob job;
  job.base = base;
  job.forget = test::rows(0, 30);
  job.batch_size = 8;
  job.key = {1, base::purpose("fedau"), 2, 0};
  return job;
}

double own_accuracy(Lane& lane, const model::ParametersPtr& version, const data::IndicesPtr& rows) {
  return lane.logits(version, rows).argmax(1).eq(lane.labels(rows)).to(torch::kFloat64).mean().item<double>();
}

model::ParametersPtr with_delta(const Lane& lane, const model::ParametersPtr& base,
                                const model::ParametersPtr& delta) {
  return lane.workspace->wrap(base->values + delta->values, base->buffers);
}

}  // namespace

TEST_CASE("merging moves the head alone, by alpha of the way") {
  Lane lane("cnn_small");
  const auto base = lane.trained(60, 2), other = lane.trained(50, 3);
  const auto range = range_of(lane);
  const auto delta = lane.run(methods::FedauMergeJob{base, other, 0.9}).outputs.at(0);
  const auto w1 = range.of(base->values), w2 = range.of(other->values);
  CHECK(test::largest(range.of(delta->values) - 0.9 * (w2 - w1)) < 1e-7);
  CHECK(test::largest(range.of(delta->values)) > 1e-3);
  auto outside = delta->values.clone();
  range.of(outside).zero_();
  CHECK(test::largest(outside) == 0);
}

TEST_CASE("a head that was trained along on random labels takes the target's samples away") {
  Lane lane("cnn_small");
  auto base = lane.initial;
  model::ParametersPtr head;
  for (std::uint64_t round = 0; round < 4; ++round) {
    train::TrainJob job;
    job.sgd.lr = 0.05;
    job.base = base;
    job.samples = test::rows(0, 60);
    job.sgd.momentum = 0.9;
    job.epochs = 10;
    job.batch_size = 16;
    job.key = {1, base::purpose("train"), 0, round};
    job.auxiliary =
        std::make_shared<const train::AuxiliaryHead>(train::AuxiliaryHead{head, test::rows(0, 60), 0.5});
    const auto result = lane.run(job);
    base = lane.plus(base, result.outputs.at(0));
    head = result.outputs.at(1);
  }
  const auto forget = test::rows(0, 60);
  CHECK(own_accuracy(lane, base, forget) > 0.95);
  const auto erased = with_delta(lane, base, lane.run(methods::FedauMergeJob{base, head, 0.9}).outputs.at(0));
  CHECK(own_accuracy(lane, erased, forget) < 0.6);  // a third by chance
}

TEST_CASE("the head trained afterwards learns random labels on frozen features") {
  for (const char* name : {"cnn_small", "logreg"}) {
    CAPTURE(name);
    Lane lane(name);
    const auto base = lane.trained(60);
    const auto range = range_of(lane);
    auto job = post_hoc(base);
    const auto result = lane.run(job);
    const auto delta = result.outputs.at(0);
    auto outside = delta->values.clone();
    range.of(outside).zero_();
    CHECK(test::largest(outside) == 0);
    CHECK(result.samples == 30);
    CHECK(own_accuracy(lane, with_delta(lane, base, delta), job.forget) <
          own_accuracy(lane, base, job.forget) - 0.2);
    CHECK(at::equal(lane.run(job).outputs[0]->values, delta->values));
  }
}

TEST_CASE("with alpha 1 the head trained afterwards stands alone, and says the rows' fixed labels") {
  Lane lane("logreg");
  const auto base = lane.trained(60);
  auto job = post_hoc(base);
  job.alpha = 1;
  job.epochs = 400;
  job.forget = test::rows(0, 8);
  const auto w2 = with_delta(lane, base, lane.run(job).outputs.at(0));
  const auto predicted = lane.logits(w2, job.forget).argmax(1);
  std::int64_t given = 0;
  for (std::int64_t row = 0; row < 8; ++row)
    given += predicted[row].item<std::int64_t>() == train::fixed_random_label(1, row, 3);
  CHECK(given == 8);
}

TEST_CASE("a fresh head is small, and depends on the seed") {
  Lane lane;
  const auto range = range_of(lane);
  auto job = post_hoc(lane.initial);
  job.lr = 0;
  job.alpha = 1;
  const auto fresh = [&] {
    return range.of(lane.initial->values) + range.of(lane.run(job).outputs.at(0)->values);
  };
  const auto first = fresh();
  const auto weights = first.narrow(0, 0, range.classes * range.features);
  CHECK(weights.std().item<double>() == doctest::Approx(0.01).epsilon(0.3));
  CHECK(test::largest(first.narrow(0, range.classes * range.features, range.classes)) < 1e-7);
  job.key.seed = 2;
  CHECK(test::largest(fresh() - first) > 1e-3);
}

TEST_CASE("FedAU's jobs keep the normalisation's statistics, and say what is missing") {
  Lane lane("resnet18", 10, test::small_shape);
  auto job = post_hoc(lane.initial);
  job.forget = test::rows(0, 8);
  lane.run(job);
  CHECK(at::equal(lane.workspace->buffers(), lane.initial->buffers));
  const auto error_of = [&](const job::Job& j) { return engine::execute(*lane.workspace, j).error; };
  CHECK(error_of(methods::FedauMergeJob{lane.initial, nullptr, 0.9}) ==
        "fedau_merge: the auxiliary head is missing");
  CHECK(error_of(methods::FedauMergeJob{lane.initial, Lane("logreg").initial, 0.9}) ==
        "fedau_merge: the inputs are of another model");
  CHECK(error_of(post_hoc(nullptr)) == "fedau_post_hoc: the base is missing");
}
