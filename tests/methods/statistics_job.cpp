#include "methods/statistics_job.hpp"

#include <string>
#include <vector>

#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"
#include "tests/model/support.hpp"

using namespace afu;
using test::Lane;

namespace {

methods::StatisticsJob statistics(const model::ParametersPtr& of) {
  return {{of, 1.0, {}, {}}, {test::rows(0, 12), test::rows(20, 32)}};
}

}  // namespace

TEST_CASE("running statistics are taken anew: nothing of the old ones stays, weights do") {
  Lane lane("resnet18", 40, test::small_shape);
  const auto a = lane.workspace->wrap(lane.initial->values, torch::full_like(lane.initial->buffers, 3.0f));
  const auto b = lane.workspace->wrap(lane.initial->values, torch::full_like(lane.initial->buffers, 1e3f));
  const auto of_a = lane.run(statistics(a)).outputs.at(0), of_b = lane.run(statistics(b)).outputs.at(0);
  CHECK(at::equal(of_a->values, lane.initial->values));
  CHECK(at::allclose(of_a->buffers, of_b->buffers, 1e-4, 1e-6));

  // What the layers' own moving averages come to after many passes over the same images.
  lane.workspace->load(*a);
  data::Indices rows;
  for (const auto& set : statistics(a).samples) rows.insert(rows.end(), set->begin(), set->end());
  const auto images = lane.workspace->gather(lane.workspace->upload(rows)).images;
  torch::NoGradGuard no_grad;
  lane.workspace->net().train(true);
  for (int i = 0; i < 150; ++i) lane.workspace->net().forward(images);
  lane.workspace->net().train(false);
  CHECK(at::allclose(lane.workspace->buffers(), of_a->buffers, 1e-3, 1e-6));
}

TEST_CASE("a user's TorchScript module has its statistics taken anew") {
  const model::test::TemporaryFile file("statistics.pt");
  model::test::user_module().save(file.path());
  auto section = test::network("torchscript");
  section.path = file.path();
  const auto images = test::tiny_images(40);
  engine::Workspace workspace(model::make_model(section, test::tiny_shape),
                              engine::make_resident(images, torch::kCPU), torch::kCPU);
  const auto initial = model::initial_parameters(workspace.net(), workspace.layout(), model::test::key());
  REQUIRE(workspace.layout()->buffer_count == 4);  // means and variances; the counter is none of them
  std::vector<model::ParametersPtr> taken;
  for (const float old : {3.0f, 1e3f}) {
    const auto of = workspace.wrap(initial->values, torch::full_like(initial->buffers, old));
    const auto result = engine::execute(workspace, statistics(of));
    REQUIRE(result.error == "");
    taken.push_back(result.outputs.at(0));
    CHECK(at::equal(taken.back()->values, initial->values));
  }
  CHECK(at::allclose(taken[0]->buffers, taken[1]->buffers, 1e-4, 1e-6));

  // In so many words: mean and unbiased variance of what the kernel gives, over all images and pixels.
  data::Indices rows;
  for (const auto& set : statistics(initial).samples) rows.insert(rows.end(), set->begin(), set->end());
  const auto x = workspace.gather(workspace.upload(rows)).images;
  const auto kernel = initial->values.narrow(0, 0, 18).view({2, 1, 3, 3});
  const auto planes = at::conv2d(x, kernel, {}, 1, 1).transpose(0, 1).flatten(1);
  const auto expected = at::cat({planes.mean(1), planes.var(1)});
  CHECK(at::allclose(taken[0]->buffers, expected, 1e-4, 1e-6));
}

TEST_CASE("a network without running statistics stays as it is") {
  Lane lane("mlp");
  const auto result = lane.run(statistics(lane.initial));
  CHECK(at::equal(result.outputs.at(0)->values, lane.initial->values));
  CHECK(result.samples == 0);
}

TEST_CASE("statistics of no samples, or of no model, are refused") {
  Lane lane("mlp");
  auto job = statistics(lane.initial);
  job.samples = {nullptr};
  CHECK(engine::execute(*lane.workspace, job).error ==
        "batch_statistics: there are no samples to take statistics of");
  CHECK(engine::execute(*lane.workspace, statistics(nullptr)).error ==
        "batch_statistics: the model is missing");
}
