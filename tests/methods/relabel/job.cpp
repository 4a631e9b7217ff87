#include "methods/relabel/job.hpp"

#include "methods/relabel/wrong_labels.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

TEST_CASE("wrong labels are wrong, fixed for a row, and any of the others") {
  const auto rows = torch::arange(600, torch::kInt64), labels = rows.remainder(3);
  const base::StreamKey key{5, 6, 7, 8};
  const auto wrong = methods::wrong_labels(labels, rows, 3, key);
  CHECK((wrong == labels).sum().item<std::int64_t>() == 0);
  CHECK(wrong.min().item<std::int64_t>() == 0);
  CHECK(wrong.max().item<std::int64_t>() == 2);
  const auto up = (wrong == (labels + 1).remainder(3)).sum().item<std::int64_t>();
  CHECK(up > 240);  // half of 600
  CHECK(up < 360);
  const auto half = methods::wrong_labels(labels.narrow(0, 300, 300), rows.narrow(0, 300, 300), 3, key);
  CHECK(half.equal(wrong.narrow(0, 300, 300)));
  CHECK_FALSE(methods::wrong_labels(labels, rows, 3, {5, 9, 7, 8}).equal(wrong));
}

TEST_CASE("relabelling makes the model answer a client's samples wrongly") {
  Lane lane;
  const auto base = lane.trained(60);
  const auto own = test::rows(0, 60);
  const auto accuracy = [&](const model::ParametersPtr& v) {
    return (lane.logits(v, own).argmax(1) == lane.labels(own)).to(torch::kFloat64).mean().item<double>();
  };
  methods::RelabelJob job;
  job.training.base = base;
  job.training.forget = own;
  job.training.sgd.lr = 0.1;
  job.training.sgd.momentum = 0.9;
  job.training.sgd.clip_norm = 5.0;
  job.training.epochs = 5;
  job.training.batch_size = 16;
  job.training.key = {1, 2, 3, 4};
  CHECK(accuracy(base) > 0.8);
  const auto result = lane.run(job);
  CHECK(result.samples == 300);
  CHECK(accuracy(lane.plus(base, result.outputs.at(0))) < 0.6 * accuracy(base));
  CHECK(lane.run(job).outputs.at(0)->values.equal(result.outputs.at(0)->values));
}
