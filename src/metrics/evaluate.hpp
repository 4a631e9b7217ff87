#pragma once
/// Measures a version on the sets of an evaluation job.
#include <torch/types.h>

#include <utility>

#include "engine/workspace.hpp"
#include "metrics/classification.hpp"
#include "metrics/evaluate_job.hpp"

namespace afu::metrics {

/// What else is to be known of predictions.
enum class Wanted { classes, probabilities };

/// From logits [N, classes] and labels [N], or [N, L] (engine/task_loss.hpp), on any device.
Predictions predictions_from(const torch::Tensor& logits, const torch::Tensor& labels,
                             Wanted wanted = Wanted::classes);

/// Forward passes of the workspace's replica as it is, in batches; the caller chooses the model's mode.
/// Logits [N, classes] and labels as batches have them; undefined for no rows.
std::pair<torch::Tensor, torch::Tensor> logits_of(engine::Workspace& workspace, const data::Indices& rows,
                                                  std::int64_t batch_size);
Predictions predict(engine::Workspace& workspace, const data::Indices& rows, std::int64_t batch_size,
                    Wanted wanted = Wanted::classes);

}  // namespace afu::metrics
