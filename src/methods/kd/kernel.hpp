#pragma once
/// Erasures that the server computes alone.
#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// "distil" (Wu et al. 2022). Inputs: the teacher, the student's start. Samples: any number of sets, used as
/// one. The student minimises T^2 KL(softmax(z_teacher/T) || softmax(z_student/T)) + hard_weight CE; SGD
/// whose lr falls geometrically from `lr` to `final_lr`; BatchNorm keeps its statistics. Output: the student
/// minus the teacher.
job::JobResult distil(engine::Workspace& workspace, const job::KernelJob& job);

/// "negate_first_layer" (NoT, Khalil et al. 2025). Input: the model. Output: the difference that negates the
/// weights, not the bias, of the layout's first layer.
job::JobResult negate_first_layer(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::methods
