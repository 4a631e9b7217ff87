#pragma once
/// The distillation of Wu, Zhu and Mitra (2022), as it is asked for.
#include <cstdint>
#include <vector>

#include "engine/combine_job.hpp"
#include "job/job.hpp"

namespace afu::methods {

struct DistilJob {
  static constexpr const char* name = "distil";
  model::ParametersPtr teacher;
  engine::Combination student;            ///< what the student starts from
  std::vector<base::IndicesPtr> samples;  ///< any number of sets, used as one
  double temperature = 3, hard_weight = 0.1;
  double lr = 0.01, final_lr = 0.001, momentum = 0.9;
  std::int64_t epochs = 5, batch_size = 64;
  base::StreamKey key;  ///< order of the samples
};
AFU_FIELDS(DistilJob, teacher, student, samples, temperature, hard_weight, lr, final_lr, momentum, epochs,
           batch_size, key)

/// The student minimises T^2 KL(softmax(z_teacher / T) || softmax(z_student / T)) + hard_weight CE by SGD whose step
/// falls geometrically from `lr` to `final_lr`; BatchNorm keeps its statistics. Output 0: the student minus the teacher.
/// Figure "loss": its mean of the last epoch; absent where there is nothing to distil on. Throws std::invalid_argument
/// without a teacher.
job::JobResult run(engine::Workspace& workspace, const DistilJob& job);

}  // namespace afu::methods
