#include "methods/kd/kernel.hpp"

#include "engine/kernel_job.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

job::KernelJob distillation(Lane& lane, const model::ParametersPtr& teacher) {
  job::KernelJob job;
  job.kernel = "distil";
  job.settings.set("temperature", 3.0);
  job.settings.set("epochs", std::int64_t{20});
  job.settings.set("batch_size", std::int64_t{16});
  job.settings.set("lr", 0.05);
  job.settings.set("final_lr", 0.005);
  job.settings.set("momentum", 0.9);
  job.settings.set("hard_weight", 0.0);
  job.inputs = {teacher, lane.initial};
  job.samples = {test::rows(0, 30), test::rows(30, 60)};
  job.key = {1, 2, 3, 4};
  return job;
}

}  // namespace

TEST_CASE("distillation brings the student's outputs to the teacher's") {
  Lane lane("mlp");
  const auto teacher = lane.trained(120);
  auto job = distillation(lane, teacher);
  const auto samples = test::rows(0, 60);
  const auto apart = [&](const model::ParametersPtr& v) {
    return (lane.logits(v, samples).softmax(1) - lane.logits(teacher, samples).softmax(1))
        .abs()
        .mean()
        .item<double>();
  };
  const auto result = lane.run(job);
  const auto student = lane.plus(teacher, result.outputs.at(0));
  CHECK(apart(student) < 0.3 * apart(lane.initial));
  CHECK(result.samples == 2 * 20 * 60);

  job.settings.set("epochs", std::int64_t{0});
  const auto untaught = lane.plus(teacher, lane.run(job).outputs.at(0));
  CHECK((untaught->values - lane.initial->values).abs().max().item<double>() < 1e-6);
}

TEST_CASE("NoT turns the first layer's weights round and nothing else") {
  Lane lane("mlp");
  job::KernelJob job;
  job.kernel = "negate_first_layer";
  job.inputs = {lane.initial};
  const auto after = lane.plus(lane.initial, lane.run(job).outputs.at(0));
  const auto& first = lane.workspace->layout()->parameters.front();
  const auto head = [&](const model::ParametersPtr& v) {
    return v->values.narrow(0, first.offset, first.size);
  };
  CHECK((head(after) + head(lane.initial)).abs().max().item<double>() < 1e-6);
  const auto rest = first.offset + first.size;
  CHECK(at::equal(after->values.narrow(0, rest, after->values.numel() - rest),
                  lane.initial->values.narrow(0, rest, after->values.numel() - rest)));
}
