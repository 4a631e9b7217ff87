#pragma once
/// How far finished runs are from retrained ones, and how far those are from each other
/// (src/attack/README.md, Distances between models).
#include <string>
#include <vector>

#include "attack/answers.hpp"
#include "attack/separation.hpp"
#include "metrics/evaluate_job.hpp"

namespace afu::engine {
class Workspace;
}

namespace afu::attack {

struct Compared {
  std::string name;
  model::ParametersPtr model;
};

/// One figure of `run` held against `reference`. A mean over references has the name `mean_of_references`,
/// and the references among themselves the run's name `among_references`.
struct ComparisonRow {
  std::string run, reference;
  std::string set;  ///< forget, test, triggered, parameters, layer:NAME, membership
  std::string
      figure;  ///< kl, js, js_bits, agreement; absolute, squared, relative, cosine; dmia_auc, dmia_auc_error,
               ///< dmia_distance: |AUC - 0.5|
  double value = 0;  ///< NaN: there is none
};
inline constexpr const char* mean_of_references = "mean";
inline constexpr const char* among_references = "references";

struct Comparison {
  std::vector<ComparisonRow> rows;
  /// Models of which a parameter or an answer is not finite: of their figures only those have a value that
  /// such a number does not enter.
  std::vector<std::string> not_finite;
};

/// Every run against every reference, then the mean over the references; then the same of every reference
/// against every other one: the floor below which a distance says nothing. A set without samples is left out;
/// `holdout` are the non-members of `membership`. No run is held against the reference of its own name.
Comparison compare(engine::Workspace& workspace, const std::vector<Compared>& runs,
                   const std::vector<Compared>& references, const metrics::EvaluationSets& sets,
                   std::int64_t batch_size);

}  // namespace afu::attack
