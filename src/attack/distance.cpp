#include "attack/distance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "base/elementary.hpp"
#include "data/label_set.hpp"
#include "model/parameters.hpp"

namespace afu::attack {
namespace {

constexpr double least = 1e-8;

double divergence(double p, double q) { return p * base::log(std::max(p, least) / std::max(q, least)); }

/// NaN where there is nothing to divide by.
double ratio(double a, double b) { return b == 0 ? std::numeric_limits<double>::quiet_NaN() : a / b; }

Scores difference(const Answers& reference, const Answers& model) {
  if (reference.labels != model.labels) throw std::invalid_argument("answers to different samples");
  auto scores = negative_loss(model);
  const auto other = negative_loss(reference);
  for (std::size_t i = 0; i < scores.size(); ++i) scores[i] -= other[i];
  return scores;
}

}  // namespace

double OutputDistance::js_bits() const { return js / base::log(2.0); }

OutputDistance output_distance(const Answers& reference, const Answers& model) {
  if (reference.labels != model.labels || reference.classes != model.classes ||
      reference.label_bits != model.label_bits || reference.size() == 0)
    throw std::invalid_argument("distances need answers of two models to the same samples");
  const bool sets = reference.label_bits > 0;
  OutputDistance d;
  const auto add = [&](double p, double q) {
    const double m = (p + q) / 2;
    d.kl += divergence(p, q);
    d.js += (divergence(p, m) + divergence(q, m)) / 2;
  };
  for (std::size_t i = 0; i < reference.probabilities.size(); ++i) {
    const double p = reference.probabilities[i], q = model.probabilities[i];
    add(p, q);
    if (sets) add(1 - p, 1 - q);
  }
  for (std::size_t i = 0; i < reference.size(); ++i)
    d.agreement += sets ? static_cast<double>(reference.label_bits -
                                              data::labels_in(reference.predicted[i] ^ model.predicted[i]))
                        : static_cast<double>(reference.predicted[i] == model.predicted[i]);
  const auto n =
      static_cast<double>(reference.size()) * (sets ? static_cast<double>(reference.label_bits) : 1.0);
  d.kl /= n, d.js /= n, d.agreement /= n;
  if (!reference.finite() || !model.finite())
    d.kl = d.js = d.agreement = std::numeric_limits<double>::quiet_NaN();
  return d;
}

ParameterDistance parameter_distance(const model::ParameterVector& reference,
                                     const model::ParameterVector& model) {
  if (!reference.layout || !model.layout || *reference.layout != *model.layout)
    throw std::invalid_argument("parameter distances need two models of one network");
  const auto a = reference.values.to(torch::kCPU, torch::kFloat64);
  const auto b = model.values.to(torch::kCPU, torch::kFloat64);
  const auto length = [](const torch::Tensor& t) { return std::sqrt((t * t).sum().item<double>()); };
  ParameterDistance d;
  d.absolute = length(b - a);
  d.squared = d.absolute * d.absolute;
  d.relative = ratio(d.absolute, length(a));
  for (const auto& slot : reference.layout->parameters) {
    const auto x = a.narrow(0, slot.offset, slot.size), y = b.narrow(0, slot.offset, slot.size);
    const double apart = length(y - x);
    d.layers.push_back({slot.name, apart, ratio(apart, length(x)),
                        ratio((x * y).sum().item<double>(), length(x) * length(y))});
  }
  return d;
}

Separation loss_difference(const Answers& reference_forget, const Answers& model_forget,
                           const Answers& reference_holdout, const Answers& model_holdout) {
  return separate(difference(reference_forget, model_forget), difference(reference_holdout, model_holdout));
}

}  // namespace afu::attack
