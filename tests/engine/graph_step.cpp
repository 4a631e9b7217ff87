#include "engine/graph/step.hpp"

#include <thread>

#include "device/devices.hpp"
#include "device/numerics.hpp"
#include "device/stream.hpp"
#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"
#include "train/local_training.hpp"
#include "train/schedule.hpp"
#include "train/train_job.hpp"

using namespace afu;
using engine::graph::Step;
using test::Lane;

namespace {

train::TrainJob job_for(const Lane& lane, std::int64_t samples = 50) {  // batches of 16, 16, 16 and 2
  train::TrainJob job;
  job.sgd.lr = 0.05;
  job.base = lane.initial;
  job.samples = test::rows(0, samples);
  job.epochs = 3;
  job.batch_size = 16;
  job.key = {1, base::purpose("train"), 4, 2};
  return job;
}

model::ParametersPtr vector(const Lane& lane, const torch::Tensor& values) {
  return lane.workspace->wrap(values, torch::zeros_like(lane.initial->buffers));
}

job::JobResult recorded(Lane& lane, Step& step, const train::TrainJob& job) {
  const train::Schedule schedule(job.samples, job.batch_size, job.epochs, job.steps, job.key);
  return train::train_recorded(*lane.workspace, step, job, schedule);
}

void check_alike(const job::JobResult& a, const job::JobResult& b, double tolerance = 1e-4) {
  const auto &x = a.outputs.at(0), &y = b.outputs.at(0);
  CHECK(test::largest(x->values.cpu() - y->values.cpu()) < 2e-6 + tolerance * test::largest(y->values.cpu()));
  if (y->buffers.numel() > 0) CHECK(test::largest(x->buffers.cpu() - y->buffers.cpu()) < 1e-4);
  CHECK(test::largest(y->values.cpu()) > 1e-4);
  CHECK(a.figures.at("loss") == doctest::Approx(b.figures.at("loss")).epsilon(1e-4));
  CHECK(a.samples == b.samples);
}

/// Cannot record anything.
class Broken final : public engine::graph::Capturer {
 public:
  std::unique_ptr<engine::graph::Recording> record(const std::function<void()>& work) override {
    work();
    throw engine::graph::CaptureError("this tape is torn");
  }
};

/// Every kind of step that a job can ask for.
std::vector<train::TrainJob> all_kinds(const Lane& lane) {
  std::vector<train::TrainJob> jobs(9, job_for(lane));
  jobs[1].sgd.momentum = 0.9;
  jobs[1].sgd.weight_decay = 1e-2;
  jobs[2].sgd.clip_norm = 0.5;
  jobs[2].sgd.max_delta = 0.02;
  jobs[3].sgd.prox_mu = 0.3;
  const auto third = torch::arange(lane.initial->values.numel()).remainder(3).to(torch::kFloat32);
  train::TrainExtras extras;
  extras.anchor = vector(lane, lane.initial->values + 0.1);
  extras.strength = 0.2;
  jobs[4].extras = std::make_shared<const train::TrainExtras>(extras);
  extras.fisher = vector(lane, third);
  extras.mask = vector(lane, third.ne(0).to(torch::kFloat32));
  jobs[5].extras = std::make_shared<const train::TrainExtras>(extras);
  jobs[5].sgd = {0.02, 0.5, 1e-3, 1.0, 0.1};
  for (std::size_t i = 6; i < jobs.size(); ++i) {
    jobs[i].sgd.lr = 0.003;
    // A gradient of 1e-9 that rounding turns would turn a whole step: a large epsilon has it count as what it is.
    jobs[i].adam = engine::AdamSettings{0.9, 0.99, 1e-2, i > 6};
  }
  jobs[7].sgd = {0.003, 0.9, 0.1, 0.5, 0.2};
  jobs[8].sgd.weight_decay = 0.1;
  jobs[8].extras = jobs[5].extras;
  return jobs;
}

/// 16 samples, then 4. No more: with batch statistics a last bit's difference grows ten thousand times in
/// four steps (measured by nudging the base).
train::TrainJob two_batches(const Lane& lane) {
  auto job = job_for(lane, 20);
  job.steps = 2;
  job.sgd.lr = 0.01;
  return job;
}

}  // namespace

TEST_CASE("the recorded step trains as the plain one does, whatever the step has in it") {
  Lane lane("cnn_small");
  Step step(*lane.workspace, engine::graph::make_repeater());
  for (const auto& job : all_kinds(lane)) {
    const auto expected = lane.run(job);
    check_alike(recorded(lane, step, job), expected);
  }
}

TEST_CASE("the step without autograd trains as the plain one does, with every layer that it has code for") {
  const model::InputShape odd{1, 9, 11, 3};  // a pooling leaves pixels out
  const std::vector<std::pair<std::string, model::InputShape>> networks{
      {"cnn_small", test::tiny_shape}, {"cnn_mnist", odd},        {"lenet", test::small_shape},
      {"cnn", test::tiny_shape},       {"mlp", test::tiny_shape}, {"logreg", test::tiny_shape}};
  for (const auto& [name, shape] : networks) {
    CAPTURE(name);
    Lane lane(name, 120, shape);
    Step step(*lane.workspace, engine::graph::make_repeater(), &engine::graph::host_pieces());
    for (auto job : all_kinds(lane)) {
      job.steps = 3;  // more, and a ReLU turns that turns where the base is nudged by 1e-7, too
      const auto expected = lane.run(job);
      check_alike(recorded(lane, step, job), expected, 1e-3);
    }
  }
}

TEST_CASE("a network without such a pass says why") {
  Lane lane("resnet18", 40, test::small_shape);
  CHECK_THROWS_WITH_AS(Step(*lane.workspace, engine::graph::make_repeater(), &engine::graph::host_pieces()),
                       "bn1 is a BatchNorm", std::invalid_argument);
}

TEST_CASE("batch statistics and short last batches come out alike") {
  Lane lane("resnet18", 40, test::small_shape);
  Step step(*lane.workspace, engine::graph::make_repeater());
  const auto job = two_batches(lane);
  const auto expected = lane.run(job);
  // How far rounding carries depends on the processor: as far as it carries from weights that differ in their last digit.
  auto nudged = job;
  nudged.base = lane.workspace->wrap(lane.initial->values * (1 + 1e-7), lane.initial->buffers);
  const auto& values = expected.outputs.at(0)->values;
  const double spread =
      test::largest(lane.run(nudged).outputs.at(0)->values - values) / test::largest(values);
  check_alike(recorded(lane, step, job), expected, 1e-4 + 3 * spread);
}

TEST_CASE("a job's result does not depend on the jobs before it, nor on what is recorded") {
  Lane lane("mlp");
  Step step(*lane.workspace, engine::graph::make_repeater());
  auto job = job_for(lane);
  job.sgd.momentum = 0.9;
  const auto first = recorded(lane, step, job);
  CHECK(step.recordings() == 0);  // 9 steps with 16 samples, as 2 + 1 an epoch; 3 with 2
  auto other = job;
  other.sgd.lr = 0.5;
  other.samples = test::rows(50, 120);  // 16, 16, 16, 16, 6
  other.epochs = 4;
  recorded(lane, step, other);
  CHECK(step.recordings() == 1);  // 16 with 16, all four of an epoch at once
  const auto again = recorded(lane, step, job);
  CHECK(at::equal(first.outputs.at(0)->values, again.outputs.at(0)->values));
  CHECK(first.figures.at("loss") == again.figures.at("loss"));
  for (int i = 0; i < 4; ++i) recorded(lane, step, job);
  CHECK(step.recordings() == 4);  // two at once, one, and 18 with 2
  step.forget();
  CHECK(step.recordings() == 0);
  CHECK(at::equal(first.outputs.at(0)->values, recorded(lane, step, job).outputs.at(0)->values));
  CHECK(step.recordings() == 4);
}

TEST_CASE("a job with more rows than any before it is trained on all of them") {
  Lane lane("logreg");
  Step step(*lane.workspace, engine::graph::make_repeater());
  recorded(lane, step, job_for(lane));
  auto job = job_for(lane, 110);
  job.epochs = 170;  // 18,700 rows
  job.batch_size = 110;
  job.sgd.lr = 0.01;
  check_alike(recorded(lane, step, job), lane.run(job));
  CHECK(step.recordings() == 1);
}

TEST_CASE("batches larger than the rows kept so far are taken") {
  Lane lane("logreg", 6000);
  Step step(*lane.workspace, engine::graph::make_repeater());
  auto job = job_for(lane, 6000);
  job.batch_size = 5000;  // three warm-ups and the recording walk through 20,000 rows
  job.epochs = Step::kWorthRecording;
  check_alike(recorded(lane, step, job), lane.run(job));
  CHECK(step.recordings() == 2);
}

TEST_CASE("where recording fails the same steps are called one by one, and the reason is kept") {
  Lane lane("mlp");
  Step step(*lane.workspace, std::make_unique<Broken>()),
      whole(*lane.workspace, engine::graph::make_repeater());
  auto job = job_for(lane);
  job.epochs = 8;
  const auto expected = recorded(lane, whole, job);
  CHECK(at::equal(recorded(lane, step, job).outputs.at(0)->values, expected.outputs.at(0)->values));
  CHECK(step.failure() == "this tape is torn");
  CHECK(step.recordings() == 0);
}

TEST_CASE("a job that cannot be run is refused as the plain step refuses it") {
  Lane lane("mlp"), other("logreg");
  Step step(*lane.workspace, engine::graph::make_repeater());
  auto job = job_for(lane);
  train::TrainExtras extras;
  extras.strength = 1;
  job.extras = std::make_shared<const train::TrainExtras>(extras);
  CHECK_THROWS_AS(recorded(lane, step, job), std::invalid_argument);
  extras.anchor = other.initial;
  job.extras = std::make_shared<const train::TrainExtras>(extras);
  CHECK_THROWS_AS(recorded(lane, step, job), std::invalid_argument);
  job.extras = nullptr;
  job.samples = test::rows(0, 500);
  CHECK_THROWS_AS(recorded(lane, step, job), std::out_of_range);
}

TEST_CASE("recordings kept are bounded") {
  Lane lane("logreg");
  Step step(*lane.workspace, engine::graph::make_repeater());
  auto job = job_for(lane);
  job.epochs = Step::kWorthRecording;
  for (std::int64_t batch = 1; batch <= 70; ++batch) {
    job.batch_size = batch;
    job.samples = test::rows(0, batch);
    recorded(lane, step, job);
  }
  CHECK(step.recordings() == Step::kMostRecordings);
}

TEST_CASE("there is no capturer for the CPU") {
  CHECK(engine::graph::no_recordings_on("cpu") == "the device is cpu");
  CHECK_THROWS_WITH_AS(engine::graph::make_capturer("cpu"), "the device is cpu", engine::graph::CaptureError);
  CHECK_NOTHROW(engine::graph::release_cached_memory());
}

TEST_CASE("CUDA graphs train as the plain step does on the GPU" * doctest::test_suite("gpu")) {
  if (device::list_devices().size() == 1) {
    MESSAGE("skipped: no GPU is visible");
    return;
  }
  const torch::Device gpu("cuda:0");
  const device::NumericsLease numerics({/*tf32=*/false, /*deterministic=*/true});
  device::prepare_lane_thread();
  device::LaneStream stream("cuda:0");
  const device::LaneStream::Current current(stream);
  std::vector<std::pair<std::string, config::StepEngine>> engines{{"cnn_small", config::StepEngine::graph},
                                                                  {"resnet18", config::StepEngine::graph}};
  if (engine::graph::cuda_pieces())
    for (const char* name : {"cnn_small", "cnn_mnist", "lenet", "mlp"})
      engines.emplace_back(name, config::StepEngine::kernels);
  for (const auto& pair : engines) {
    const std::string name = pair.first, engine = config::name_of(pair.second);
    CAPTURE(name);
    CAPTURE(engine);
    const auto shape = name == "resnet18" || name == "lenet" ? test::small_shape : test::tiny_shape;
    const Lane lane(name, 120, shape);
    const auto pool = engine::make_resident(lane.images, gpu);
    const auto on_gpu = [&](config::StepEngine step) {
      return std::make_unique<engine::Workspace>(model::make_model(test::network(name), shape), pool, gpu,
                                                 step);
    };
    const auto graph = on_gpu(pair.second), plain = on_gpu(config::StepEngine::autograd);
    REQUIRE(graph->graph() != nullptr);
    const auto jobs = name == "resnet18" ? std::vector<train::TrainJob>{two_batches(lane)} : all_kinds(lane);
    // Until each kind of step is recorded, and once more, so that all results are replayed ones at last.
    for (std::int64_t round = 0; round <= Step::kWorthRecording; ++round)
      for (const auto& job : jobs) {
        CAPTURE(round);
        const auto a = engine::execute(*graph, job), b = engine::execute(*plain, job);
        REQUIRE(a.error + b.error == "");
        check_alike(a, b);
      }
    CHECK(graph->graph()->failure() == "");
    // of an epoch two whole batches at once, the third and the last; of two_batches each
    CHECK(graph->graph()->recordings() == (name == "resnet18" ? 2 : 3 * jobs.size()));
  }
}

TEST_CASE("the pieces written in CUDA do what those on the host do" * doctest::test_suite("gpu")) {
  using namespace engine::graph;
  if (device::list_devices().size() == 1) {
    MESSAGE("skipped: no GPU is visible");
    return;
  }
  const auto* pieces = cuda_pieces();
  if (!pieces) {
    MESSAGE("skipped: this afu is built without nvcc");
    return;
  }
  const torch::Device gpu("cuda:0");
  torch::manual_seed(3);
  const auto stream = pieces->stream();
  for (const std::int64_t pool : {1, 2, 3})
    for (const bool relu : {false, true})
      for (const auto& [height, width] : {std::pair<std::int64_t, std::int64_t>{7, 11}, {24, 24}, {1, 1}}) {
        if (pool > height) continue;
        CAPTURE(pool);
        CAPTURE(height);
        const Activation a{5, 3, height, width, pool, relu};
        const auto x = torch::randn({5, 3, height, width}), bias = torch::randn({3});
        const auto g = torch::randn({5, 3, a.out_height(), a.out_width()});
        const auto ints = torch::dtype(torch::kUInt8);
        auto out = torch::zeros_like(g), where = torch::zeros(g.sizes(), ints), dx = torch::zeros_like(x),
             sums = torch::zeros({5, 3});
        host_pieces().activate(a, x.data_ptr<float>(), bias.data_ptr<float>(), out.data_ptr<float>(),
                               where.data_ptr<std::uint8_t>(), nullptr);
        host_pieces().deactivate(a, out.data_ptr<float>(), where.data_ptr<std::uint8_t>(),
                                 g.data_ptr<float>(), dx.data_ptr<float>(), sums.data_ptr<float>(), nullptr);
        const auto x1 = x.to(gpu), bias1 = bias.to(gpu), g1 = g.to(gpu);
        auto out1 = torch::full_like(g1, 7), where1 = torch::full(g.sizes(), 99, ints.device(gpu)),
             dx1 = torch::full_like(x1, 7), sums1 = torch::full({5, 3}, 7.0f, g1.options());
        pieces->activate(a, x1.data_ptr<float>(), bias1.data_ptr<float>(), out1.data_ptr<float>(),
                         where1.data_ptr<std::uint8_t>(), stream);
        pieces->deactivate(a, out1.data_ptr<float>(), where1.data_ptr<std::uint8_t>(), g1.data_ptr<float>(),
                           dx1.data_ptr<float>(), sums1.data_ptr<float>(), stream);
        CHECK(at::equal(out1.cpu(), out));
        if (pool > 1) CHECK(at::equal(where1.cpu(), where));
        CHECK(at::equal(dx1.cpu(), dx));
        CHECK(test::largest(sums1.cpu() - sums) < 1e-4);
      }
  for (const std::int64_t size : {1, 4099, 100000}) {
    CAPTURE(size);
    auto expected = torch::zeros({size}),
         out = torch::full({size}, 7.0f, torch::dtype(torch::kFloat32).device(gpu));
    std::vector<torch::Tensor> kept;
    for (const int count : {3, Terms::kMost}) {
      Terms terms;
      for (terms.count = 0; terms.count < count; ++terms.count) {
        kept.push_back(
            torch::randn({size + 1}, out.options()).narrow(0, terms.count % 2, size));  // some not aligned
        terms.vector[terms.count] = kept.back().data_ptr<float>();
        terms.coefficient[terms.count] = 0.5f + static_cast<float>(terms.count);
        expected.add_(kept.back().cpu(), terms.coefficient[terms.count]);
      }
      terms.add = count > 3;
      pieces->weighted_sum(terms, size, out.data_ptr<float>(), stream);
    }
    CHECK(test::largest(out.cpu() - expected) < 1e-3);
  }
}

TEST_CASE("lanes that record and replay beside each other agree" * doctest::test_suite("gpu")) {
  if (device::list_devices().size() == 1) {
    MESSAGE("skipped: no GPU is visible");
    return;
  }
  const torch::Device gpu("cuda:0");
  const device::NumericsLease numerics({/*tf32=*/false, /*deterministic=*/true});
  const Lane lane("cnn_small");
  const auto pool = engine::make_resident(lane.images, gpu);
  constexpr std::size_t kLanes = 4;
  std::vector<model::ParametersPtr> results(kLanes);
  std::vector<std::string> errors(kLanes);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kLanes; ++i)
    threads.emplace_back([&, i] {
      device::prepare_lane_thread();
      device::LaneStream stream("cuda:0");
      const device::LaneStream::Current current(stream);
      engine::Workspace workspace(model::make_model(test::network("cnn_small"), test::tiny_shape), pool, gpu,
                                  config::StepEngine::graph);
      for (int round = 0; round < 4; ++round) {
        auto result = engine::execute(workspace, all_kinds(lane).at(1));
        errors[i] += result.error + workspace.graph()->failure();
        if (result.error.empty()) results[i] = result.outputs.at(0);
      }
    });
  for (auto& t : threads) t.join();
  for (std::size_t i = 0; i < kLanes; ++i) {
    CAPTURE(i);
    REQUIRE(errors[i] == "");
    CHECK(at::equal(results[i]->values, results[0]->values));
  }
}
