#pragma once
/// Erasures that the server computes alone.
#include "job/job.hpp"
#include "engine/workspace.hpp"

namespace afu::unlearn {

/// "distil" (Wu et al. 2022; METHODS 5.3). Inputs: the teacher, the student's start. Samples: any number of
/// sets, used as one. The student minimises T^2 KL(softmax(z_teacher/T) || softmax(z_student/T)) +
/// hard_weight CE; SGD whose lr falls geometrically from `lr` to `final_lr`; BatchNorm keeps its statistics.
/// Output: the student minus the teacher.
compute::JobResult distil(compute::Workspace& workspace, const compute::KernelJob& job);

/// "negate_first_layer" (NoT; METHODS 5.11). Input: the model. Output: the difference that negates the
/// weights, not the bias, of the layout's first layer.
compute::JobResult negate_first_layer(compute::Workspace& workspace, const compute::KernelJob& job);

}  // namespace afu::unlearn
