#pragma once
/// Measures a version on the sets of an evaluation job.
#include <torch/types.h>

#include <utility>

#include "engine/workspace.hpp"
#include "job/job.hpp"
#include "metrics/classification.hpp"

namespace afu::metrics {

/// What else is to be known of predictions.
enum class Wanted { classes, probabilities };

/// From logits [N, classes] and labels [N], on any device.
Predictions predictions_from(const torch::Tensor& logits, const torch::Tensor& labels,
                             Wanted wanted = Wanted::classes);

/// Forward passes of the workspace's replica as it is, in batches; the caller chooses the model's mode.
/// Logits [N, classes] and labels [N]; undefined for no rows.
std::pair<torch::Tensor, torch::Tensor> logits_of(engine::Workspace& workspace, const data::Indices& rows,
                                                  std::int64_t batch_size);
Predictions predict(engine::Workspace& workspace, const data::Indices& rows, std::int64_t batch_size,
                    Wanted wanted = Wanted::classes);

/// Figures, each absent where its set is null or empty, all where a parameter or buffer of the model is not
/// finite, and those of a set where an answer to it is not: test_accuracy, balanced_accuracy, test_auc,
/// test_loss, calibration_error (test); forget_accuracy; retain_accuracy; attack_success_rate (triggered,
/// which excludes the target class already); mia_auc: the loss-threshold attack (METHODS 7.3, 1), members =
/// forget, non-members = holdout, score = -loss. Of the i-th request alone, from the same answers:
/// forget_accuracy.i, mia_auc.i.
job::JobResult evaluate(engine::Workspace& workspace, const job::EvaluateJob& job);

}  // namespace afu::metrics
