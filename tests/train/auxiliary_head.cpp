#include "train/auxiliary_head.hpp"

#include <torch/csrc/autograd/autograd.h>

#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"
#include "train/schedule.hpp"
#include "train/train_job.hpp"

using namespace afu;
using test::Lane;

namespace {

train::TrainJob job_for(const Lane& lane, data::IndicesPtr relabelled, double gamma = 1,
                        model::ParametersPtr head = nullptr) {
  train::TrainJob job;
  job.sgd.lr = 0.05;
  job.base = lane.initial;
  job.samples = test::rows(0, 50);
  job.sgd.lr = 0.05;
  job.sgd.momentum = 0.9;
  job.sgd.weight_decay = 1e-2;
  job.epochs = 2;
  job.batch_size = 16;
  job.key = {1, base::purpose("train"), 4, 2};
  job.auxiliary = std::make_shared<const train::AuxiliaryHead>(
      train::AuxiliaryHead{std::move(head), std::move(relabelled), gamma});
  return job;
}

model::HeadRange range_of(Lane& lane) {
  return model::head_range(lane.workspace->net(), *lane.workspace->layout());
}

torch::Tensor given_labels(const torch::Tensor& rows, const torch::Tensor& own,
                           std::int64_t relabelled_below) {
  auto labels = own.clone();
  for (std::int64_t i = 0; i < rows.numel(); ++i) {
    const auto row = rows[i].item<std::int64_t>();
    if (row < relabelled_below) labels[i] = train::fixed_random_label(1, row, 3);
  }
  return labels;
}

/// Both heads' training written out: autograd of the sum of both losses, momentum by hand.
std::pair<torch::Tensor, torch::Tensor> reference(Lane& lane, const train::TrainJob& job, torch::Tensor head,
                                                  std::int64_t relabelled_below) {
  const train::Schedule schedule(job.samples, job.batch_size, job.epochs, job.steps, job.key);
  const auto order = lane.workspace->upload(schedule.order());
  const auto range = range_of(lane);
  auto& net = lane.workspace->net();
  lane.workspace->load(*job.base);
  net.train(true);
  std::vector<torch::Tensor> tensors;
  for (const auto& [name, t] : net.named_parameters()) tensors.push_back(t);
  head = head.clone().set_requires_grad(true);
  tensors.push_back(head);
  std::vector<torch::Tensor> momentum;
  for (const auto& t : tensors) momentum.push_back(torch::zeros_like(t));
  for (std::int64_t step = 0; step < schedule.steps(); ++step) {
    const auto begin = schedule.begin(step), count = schedule.count(step);
    const auto batch = lane.workspace->gather(order, begin, count);
    const auto labels = given_labels(order.narrow(0, begin, count), batch.labels, relabelled_below);
    const auto features = net.features(batch.images);
    const auto weights = range.classes * range.features;
    const auto second = at::linear(features, head.narrow(0, 0, weights).view({range.classes, range.features}),
                                   head.narrow(0, weights, range.classes));
    const auto loss = at::cross_entropy_loss(net.forward(batch.images), batch.labels) +
                      at::cross_entropy_loss(second, labels);
    const auto gradients = torch::autograd::grad({loss}, tensors);
    torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      momentum[i] = 0.9 * momentum[i] + gradients[i] + 1e-2 * tensors[i];
      tensors[i].add_(momentum[i], -0.05);
    }
  }
  return {lane.workspace->parameters() - job.base->values, head.detach()};
}

}  // namespace

TEST_CASE("both heads' gradients reach the backbone, and the second head trains on the fixed labels") {
  for (const char* name : {"logreg", "mlp", "cnn_small"}) {
    CAPTURE(name);
    Lane lane(name);
    const auto range = range_of(lane);
    const auto job = job_for(lane, test::rows(0, 20));
    const auto result = lane.run(job);
    REQUIRE(result.outputs.size() == 2);
    const auto [delta, head] = reference(lane, job, range.of(lane.initial->values), 20);
    CHECK(test::largest(result.outputs[0]->values - delta) < 1e-5);
    CHECK(test::largest(range.of(result.outputs[1]->values) - head) < 1e-5);
    CHECK(test::largest(delta) > 1e-3);
    CHECK(result.samples == 100);
    const auto loss = lane.run(job).figures.at("loss");
    CHECK(loss == result.figures.at("loss"));

    auto outside = result.outputs[1]->values.clone();
    range.of(outside).zero_();
    CHECK(test::largest(outside) == 0);
    CHECK(model::byte_size(result.outputs[1]) == model::byte_size(lane.initial));
    CHECK_NOTHROW(model::to_bytes(result.outputs[1]));
  }
}

TEST_CASE("without the backbone the second head's loss trains that head alone") {
  Lane lane;
  const auto range = range_of(lane);
  auto job = job_for(lane, test::rows(0, 20));
  auto alone = *job.auxiliary;
  alone.backbone = false;
  job.auxiliary = std::make_shared<const train::AuxiliaryHead>(alone);
  const auto result = lane.run(job);
  CHECK(test::largest(range.of(result.outputs.at(1)->values) - range.of(lane.initial->values)) > 1e-3);
  job.auxiliary = nullptr;  // the model trains as if there were no second head
  CHECK(test::largest(lane.run(job).outputs.at(0)->values - result.outputs[0]->values) < 1e-6);
}

TEST_CASE("where no row is relabelled the second head goes where the first one goes") {
  Lane lane;
  const auto range = range_of(lane);
  for (const auto& none : {data::IndicesPtr{}, test::rows(0, 0), test::rows(60, 90)}) {
    const auto result = lane.run(job_for(lane, none));
    const auto after = range.of(lane.initial->values + result.outputs.at(0)->values);
    CHECK(test::largest(range.of(result.outputs.at(1)->values) - after) < 1e-6);
  }
}

TEST_CASE("the second head starts between the main head and its last values") {
  Lane lane;
  const auto range = range_of(lane);
  const auto last = lane.run(job_for(lane, test::rows(0, 50))).outputs.at(1);
  const auto main = range.of(lane.initial->values), head = range.of(last->values);
  CHECK(test::largest(main - head) > 0.01);
  for (double gamma : {0.0, 0.5, 1.0}) {
    auto job = job_for(lane, test::rows(0, 50), gamma, last);
    job.sgd.lr = 0;
    const auto start = range.of(lane.run(job).outputs.at(1)->values);
    CHECK(test::largest(start - ((1 - gamma) * main + gamma * head)) < 1e-7);
  }
}

TEST_CASE("a row's random label is the same in every job") {
  std::array<int, 3> counts{};
  for (std::int64_t row = 0; row < 3000; ++row) {
    const auto label = train::fixed_random_label(5, row, 3);
    REQUIRE(label == train::fixed_random_label(5, row, 3));
    ++counts.at(static_cast<std::size_t>(label));
  }
  for (int n : counts) CHECK(std::abs(n - 1000) < 120);  // 4.6 deviations
  int equal = 0;
  for (std::int64_t row = 0; row < 300; ++row)
    equal += train::fixed_random_label(5, row, 3) == train::fixed_random_label(6, row, 3);
  CHECK(equal < 150);

  // Trained for long, in other orders each time, the second head learns them by heart; the main head its own.
  Lane lane("cnn_small", 30);
  auto job = job_for(lane, test::rows(0, 12));
  job.samples = test::rows(0, 12);
  job.sgd.weight_decay = 0;
  job.epochs = 100;
  auto head = model::ParametersPtr{};
  auto base = lane.initial;
  for (std::uint64_t round = 0; round < 3; ++round) {
    job.base = base;
    job.key.round = round;
    job.auxiliary = job_for(lane, test::rows(0, 12), 1, head).auxiliary;
    const auto result = lane.run(job);
    base = lane.plus(base, result.outputs.at(0));
    head = result.outputs.at(1);
  }
  const auto rows = lane.workspace->upload(*job.samples);
  const auto own = lane.labels(job.samples);
  CHECK(lane.logits(base, job.samples).argmax(1).eq(own).all().item<bool>());
  auto exchanged = base->values.clone();
  range_of(lane).of(exchanged).copy_(range_of(lane).of(head->values));
  const auto predicted = lane.logits(lane.workspace->wrap(exchanged, base->buffers), job.samples).argmax(1);
  const auto given = given_labels(rows, own, 12);
  CHECK(predicted.eq(given).all().item<bool>());
  CHECK_FALSE(at::equal(given, own));
}

TEST_CASE("the second head has its own clipping, decay and proximal term") {
  Lane lane;
  const auto range = range_of(lane);
  auto job = job_for(lane, test::rows(0, 50));
  job.sgd = {};
  job.sgd.lr = 1;
  job.sgd.clip_norm = 1e-3;
  job.steps = 1;
  const auto clipped = range.of(lane.run(job).outputs.at(1)->values) - range.of(lane.initial->values);
  CHECK(clipped.norm().item<double>() == doctest::Approx(1e-3).epsilon(1e-3));
  job.sgd = {};
  job.sgd.lr = 0.05;
  job.steps = 60;
  const auto moved = [&](double mu) {
    job.sgd.prox_mu = mu;
    return (range.of(lane.run(job).outputs.at(1)->values) - range.of(lane.initial->values))
        .norm()
        .item<double>();
  };
  CHECK(moved(5) < 0.7 * moved(0));
}

TEST_CASE("a head of another model is refused") {
  Lane lane, other("logreg");
  CHECK(engine::execute(*lane.workspace, job_for(lane, test::rows(0, 5), 0.5, other.initial)).error ==
        "train: the auxiliary head is of another model");
}
