#pragma once
/// How far two models are from each other: in what they answer and in their parameters (src/attack/README.md,
/// Distances between models).
#include <string>
#include <vector>

#include "attack/answers.hpp"
#include "model/parameters_fwd.hpp"

namespace afu::attack {

/// Of images with any number of labels each is the mean over the labels of what it is for the two classes, label or not.
struct OutputDistance {
  double kl = 0;  ///< mean over samples of KL(reference || model), natural logarithm, p clamped to 1e-8
  double js = 0;  ///< Jensen-Shannon divergence, in [0, ln 2]
  double agreement = 0;    ///< share of samples on which both predict the same class
  double js_bits() const;  ///< js / ln 2, in [0, 1]
};
/// NaN where an answer is not finite: two models without answers do not agree. Throws std::invalid_argument
/// where the two are of different samples or of none.
OutputDistance output_distance(const Answers& reference, const Answers& model);

struct ParameterDistance {
  struct Layer {
    std::string name;
    double absolute = 0;  ///< |difference|
    double relative = 0;  ///< |difference| / |reference|; NaN where that is zero
    double cosine = 0;    ///< of the two; NaN where one is zero
  };
  double absolute = 0;        ///< L2: Euclidean, not its square
  double squared = 0;         ///< the square, which some report
  double relative = 0;        ///< to the length of the reference; NaN where that is zero
  std::vector<Layer> layers;  ///< one a named parameter, in the layout's order
};
/// Parameters only: buffers are no part of it. Throws std::invalid_argument for different layouts.
ParameterDistance parameter_distance(const model::ParameterVector& reference,
                                     const model::ParameterVector& model);

/// dMIA: how well log p_y(model) - log p_y(reference), that is reference loss - model loss, tells members
/// from non-members. 0.5 where the model remembers no more than a model retrained without them.
Separation loss_difference(const Answers& reference_forget, const Answers& model_forget,
                           const Answers& reference_holdout, const Answers& model_holdout);

}  // namespace afu::attack
