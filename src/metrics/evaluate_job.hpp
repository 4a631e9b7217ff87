#pragma once
/// The evaluation of a version, as it is asked for.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/target_label.hpp"
#include "job/job.hpp"

namespace afu::data {
AFU_FIELDS(TargetLabel, label, classes, adds)
}

namespace afu::metrics {

using base::IndicesPtr;

/// What one request is measured on: its part of the set `forget`, and non-members that are poisoned to the
/// share of that part; both in ascending order.
struct RequestSets {
  IndicesPtr forget, holdout;
  bool backdoor = false;  ///< it covers the whole backdoor, so the attack's success is a figure of its own
  IndicesPtr poisoned{};  ///< the poisoned ones of `forget`; null: there are none
};
AFU_FIELDS(RequestSets, forget, holdout, backdoor, poisoned)

/// Rows of one client or site, measured alone.
struct EvaluationGroup {
  std::string set;  ///< "holdout": what the client holds out of training; "test": the site's test images
  std::int64_t client = -1;  ///< -1: of a site that nobody trains at
  std::string site{};        ///< its name; empty: it has none
  IndicesPtr rows;           ///< ascending, not empty; of "test" among those of EvaluationSets::test
};
AFU_FIELDS(EvaluationGroup, set, client, site, rows)

/// One set of rows an evaluation looks at.
struct EvaluationSets {
  IndicesPtr test, forget, retain, holdout, triggered;  ///< empty or null: the figure does not apply
  data::TargetLabel backdoor_target{};
  std::vector<RequestSets> requests{};    ///< one an erasure of the scenario
  std::vector<EvaluationGroup> groups{};  ///< empty unless evaluation.by_client
};
AFU_FIELDS(EvaluationSets, test, forget, retain, holdout, triggered, backdoor_target, requests, groups)

struct EvaluateJob {
  static constexpr const char* name = "evaluate";
  model::ParametersPtr model;
  std::shared_ptr<const EvaluationSets> sets;
  std::int64_t batch_size = 256;
};
AFU_FIELDS(EvaluateJob, model, sets, batch_size)
/// Figures, each absent where its set is null or empty, all where a parameter or buffer of the model is not
/// finite, and those of a set where an answer to it is not: test_accuracy, balanced_accuracy, test_auc,
/// test_loss, calibration_error, brier_score (test); same_answers: 1 where all test images get the same answer, else
/// absent; forget_accuracy; retain_accuracy; attack_success_rate (triggered,
/// which excludes the target class already); mia_auc: the loss-threshold attack (Yeom et al. 2018), members =
/// forget, non-members = holdout, score = -loss. Of the i-th request alone, from the same answers:
/// forget_accuracy.i, mia_auc.i, poisoned_success.i (of its poisoned samples, the part answered with the label that they were
/// given). Of the g-th group: group_accuracy.g, group_balanced_accuracy.g, group_auc.g, group_loss.g.
job::JobResult run(engine::Workspace& workspace, const EvaluateJob& job);

}  // namespace afu::metrics
