#pragma once
/// NoT's erasure (see README.md), as it is asked for.
#include "job/job.hpp"

namespace afu::methods {

struct NegateFirstLayerJob {
  static constexpr const char* name = "negate_first_layer";
  model::ParametersPtr model;
};
AFU_FIELDS(NegateFirstLayerJob, model)

/// Output 0: the difference that negates the weights, not the bias, of the layout's first layer. Throws
/// std::invalid_argument without a model.
job::JobResult run(engine::Workspace& workspace, const NegateFirstLayerJob& job);

}  // namespace afu::methods
