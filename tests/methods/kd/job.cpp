#include "methods/kd/job.hpp"

#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

methods::DistilJob distillation(Lane& lane, const model::ParametersPtr& teacher) {
  methods::DistilJob job;
  job.teacher = teacher;
  job.student.start = lane.initial;
  job.samples = {test::rows(0, 30), test::rows(30, 60)};
  job.hard_weight = 0;
  job.lr = 0.05;
  job.final_lr = 0.005;
  job.epochs = 20;
  job.batch_size = 16;
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

  job.epochs = 0;
  const auto untaught = lane.plus(teacher, lane.run(job).outputs.at(0));
  CHECK((untaught->values - lane.initial->values).abs().max().item<double>() < 1e-6);
  job.teacher = nullptr;
  CHECK(engine::execute(*lane.workspace, job).error == "distil: the teacher is missing");
}
