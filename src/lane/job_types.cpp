#include "lane/job_types.hpp"

#include "attack/jobs.hpp"
#include "calibrate/jobs.hpp"
#include "engine/combine_job.hpp"
#include "methods/registry.hpp"
#include "methods/statistics_job.hpp"
#include "metrics/evaluate_job.hpp"
#include "train/train_job.hpp"

namespace afu::lane {

const std::vector<job::JobType>& job_types() {
  static const auto all = [] {
    using job::type_of;
    std::vector<job::JobType> types{
        type_of<engine::CombineJob>(),
        type_of<train::TrainJob>(),
        type_of<metrics::EvaluateJob>(),
        type_of<attack::AttackJob>(),
        type_of<attack::ReferenceJob>(),
        type_of<calibrate::CalibrateJob>(),
        type_of<calibrate::FisherJob>(),
        type_of<calibrate::TriggerJob>(),
        type_of<calibrate::DifferenceJob>(),
        type_of<calibrate::GateJob>(),
        type_of<calibrate::SketchJob>(),
        type_of<calibrate::SubspaceJob>(),
        type_of<calibrate::LayerGainsJob>(),
        type_of<methods::StatisticsJob>(),
        type_of<calibrate::PatternGradientJob>(),
        type_of<calibrate::FeatureDirectionsJob>(),
    };
    for (const auto& method : methods::methods())
      types.insert(types.end(), method.jobs.begin(), method.jobs.end());
    return types;
  }();
  return all;
}

}  // namespace afu::lane
