#include "metrics/classification.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <stdexcept>

#include "metrics/auc.hpp"

namespace afu::metrics {
namespace {

/// The number of samples; NaN where a figure of them is none.
double size_of(const Predictions& p) {
  if (p.labels.empty()) throw std::invalid_argument("a figure of an empty set of samples");
  return p.finite() ? static_cast<double>(p.labels.size()) : std::numeric_limits<double>::quiet_NaN();
}

std::size_t classes_of(const Predictions& p) {
  const auto n = p.labels.size(), classes = p.probabilities.size() / n;
  if (classes == 0 || classes * n != p.probabilities.size())
    throw std::invalid_argument("a figure of probabilities that there are none of");
  return classes;
}

}  // namespace

bool Predictions::finite() const {
  return std::find(predicted.begin(), predicted.end(), -1) == predicted.end();
}

double accuracy(const Predictions& p) {
  const double n = size_of(p);
  std::int64_t right = 0;
  for (std::size_t i = 0; i < p.labels.size(); ++i) right += p.predicted[i] == p.labels[i];
  return static_cast<double>(right) / n;
}

double balanced_accuracy(const Predictions& p) {
  const double n = size_of(p);
  if (std::isnan(n)) return n;
  std::map<std::int64_t, std::pair<std::int64_t, std::int64_t>> classes;  // right, in all
  for (std::size_t i = 0; i < p.labels.size(); ++i) {
    auto& [right, all] = classes[p.labels[i]];
    right += p.predicted[i] == p.labels[i];
    ++all;
  }
  double recalls = 0;
  for (const auto& [label, counts] : classes)
    recalls += static_cast<double>(counts.first) / static_cast<double>(counts.second);
  return recalls / static_cast<double>(classes.size());
}

double share_predicted(const Predictions& p, const data::TargetLabel& target) {
  std::int64_t hits = 0;
  for (std::size_t i = 0; i < p.predicted.size(); ++i) hits += p.predicted[i] == target.of(p.labels[i]);
  return static_cast<double>(hits) / size_of(p);
}

double mean_loss(const Predictions& p) {
  return std::accumulate(p.losses.begin(), p.losses.end(), 0.0) / size_of(p);
}

double area(const Predictions& p) {
  const double n = size_of(p);
  if (std::isnan(n)) return n;
  const auto classes = classes_of(p);
  std::set<std::int64_t> occurring(p.labels.begin(), p.labels.end());
  if (occurring.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  if (classes == 2) occurring = {1};
  double sum = 0;
  for (const auto label : occurring) {
    std::vector<double> of_class, of_rest;
    for (std::size_t i = 0; i < p.labels.size(); ++i)
      (p.labels[i] == label ? of_class : of_rest)
          .push_back(p.probabilities[i * classes + static_cast<std::size_t>(label)]);
    sum += auc(of_class, of_rest);
  }
  return sum / static_cast<double>(occurring.size());
}

double calibration_error(const Predictions& p) {
  const double n = size_of(p);
  if (std::isnan(n)) return n;
  const auto classes = classes_of(p);
  std::array<double, calibration_bins> gaps{};  // of each bin's samples: right ones less the confidences' sum
  for (std::size_t i = 0; i < p.labels.size(); ++i) {
    const double confidence = p.probabilities[i * classes + static_cast<std::size_t>(p.predicted[i])];
    const auto above =
        static_cast<std::size_t>(std::ceil(confidence * static_cast<double>(calibration_bins)));
    const auto bin = std::min(std::max<std::size_t>(above, 1), calibration_bins) - 1;
    gaps[bin] += (p.predicted[i] == p.labels[i] ? 1 : 0) - confidence;
  }
  return std::accumulate(gaps.begin(), gaps.end(), 0.0,
                         [](double sum, double gap) { return sum + std::abs(gap); }) /
         n;
}

double brier_score(const Predictions& p) {
  const double n = size_of(p);
  if (std::isnan(n)) return n;
  const auto classes = classes_of(p);
  double sum = 0;
  for (std::size_t i = 0; i < p.labels.size(); ++i)
    for (std::size_t c = 0; c < classes; ++c) {
      const double wanted = static_cast<std::size_t>(p.labels[i]) == c ? 1 : 0;
      const double gap = p.probabilities[i * classes + c] - wanted;
      sum += gap * gap;
    }
  return sum / n;
}

}  // namespace afu::metrics
