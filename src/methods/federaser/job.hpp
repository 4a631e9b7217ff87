#pragma once
/// A calibration round's step of FedEraser (Liu et al. 2021), as it is asked for.
#include <vector>

#include "engine/combine_job.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// A client's part in a round: its new update takes the length of what was stored.
struct CalibratedUpdate {
  double weight = 0;  ///< a_k
  model::ParametersPtr fresh;
  engine::Combination stored;
};
AFU_FIELDS(CalibratedUpdate, weight, fresh, stored)

/// Over what an update's length is kept.
enum class LengthOf { whole, layer };
AFU_LAST(LengthOf, layer)
/// Whose update keeps its length.
enum class LengthOfWhom { client, mean };
AFU_LAST(LengthOfWhom, mean)

struct FederaserStepJob {
  static constexpr const char* name = "federaser_step";
  model::ParametersPtr model;  ///< M, calibrated so far
  std::vector<CalibratedUpdate> updates;
  LengthOf norm = LengthOf::whole;
  LengthOfWhom calibrate = LengthOfWhom::client;
  bool printed_factor = false;  ///< the step is divided by the number of clients
};
AFU_FIELDS(FederaserStepJob, model, updates, norm, calibrate, printed_factor)

/// Output 0: the next calibrated model; client: M + sum_k a_k |stored_k| fresh_k / |fresh_k|; mean: M + |stored| fresh /
/// |fresh| with the weighted sums of both; tensor by tensor where the norm is of a layer. Its buffers are the weighted
/// mean of the clients'. Throws std::invalid_argument where a vector is missing.
job::JobResult run(engine::Workspace& workspace, const FederaserStepJob& job);

}  // namespace afu::methods
