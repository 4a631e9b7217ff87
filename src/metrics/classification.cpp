#include "metrics/classification.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <stdexcept>

namespace afu::metrics {
namespace {

/// The number of samples; NaN where a figure of them is none.
double size_of(const Predictions& p) {
  if (p.labels.empty()) throw std::invalid_argument("a figure of an empty set of samples");
  return p.finite() ? static_cast<double>(p.labels.size()) : std::numeric_limits<double>::quiet_NaN();
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

double share_predicted(const Predictions& p, std::int64_t label) {
  return static_cast<double>(std::count(p.predicted.begin(), p.predicted.end(), label)) / size_of(p);
}

double mean_loss(const Predictions& p) {
  return std::accumulate(p.losses.begin(), p.losses.end(), 0.0) / size_of(p);
}

}  // namespace afu::metrics
