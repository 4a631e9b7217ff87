#include "metrics/classification.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <stdexcept>

#include "data/label_set.hpp"
#include "metrics/auc.hpp"

namespace afu::metrics {
namespace {

/// The number of samples; NaN where a figure of them is none.
double size_of(const Predictions& p) {
  if (p.labels.empty()) throw std::invalid_argument("a figure of an empty set of samples");
  return p.finite() ? static_cast<double>(p.labels.size()) : std::numeric_limits<double>::quiet_NaN();
}

bool are_sets(const Predictions& p) { return p.label_bits > 0; }

/// Of one label: who has it, and what was said of it.
struct OneLabel {
  const Predictions& p;
  std::int64_t label;
  bool has(std::size_t i) const { return data::has_label(p.labels[i], label); }
  bool predicted(std::size_t i) const { return data::has_label(p.predicted[i], label); }
  double probability(std::size_t i) const {
    return p.probabilities[i * static_cast<std::size_t>(p.label_bits) + static_cast<std::size_t>(label)];
  }
};

/// The mean of f(label) over the labels of which it is a number; NaN where it is of none.
template <class F>
double mean_over_labels(const Predictions& p, F f) {
  double sum = 0, counted = 0;
  for (std::int64_t l = 0; l < p.label_bits; ++l) {
    const double value = f(OneLabel{p, l});
    if (std::isnan(value)) continue;
    sum += value;
    ++counted;
  }
  return counted > 0 ? sum / counted : std::numeric_limits<double>::quiet_NaN();
}

/// How many of the labels of all samples are predicted as they are.
double right_labels(const Predictions& p) {
  std::int64_t wrong = 0;
  for (std::size_t i = 0; i < p.labels.size(); ++i) wrong += data::labels_in(p.predicted[i] ^ p.labels[i]);
  return static_cast<double>(p.labels.size()) * static_cast<double>(p.label_bits) -
         static_cast<double>(wrong);
}

std::size_t classes_of(const Predictions& p) {
  const auto n = p.labels.size(), classes = p.probabilities.size() / n;
  if (classes == 0 || classes * n != p.probabilities.size())
    throw std::invalid_argument("a figure of probabilities that there are none of");
  return classes;
}

}  // namespace

bool same_answers(const Predictions& p) {
  if (p.probabilities.empty()) throw std::invalid_argument("the predictions have no probabilities");
  const auto differs = [&](std::int64_t label) { return label != p.labels.front(); };
  if (!p.finite() || std::none_of(p.labels.begin(), p.labels.end(), differs)) return false;
  const auto width = p.probabilities.size() / p.labels.size();
  for (std::size_t i = width; i < p.probabilities.size(); ++i)
    if (std::abs(p.probabilities[i] - p.probabilities[i % width]) > 5e-7) return false;
  return true;
}

std::vector<std::int64_t> labels_of_one_value(const std::vector<std::int64_t>& sets,
                                              std::int64_t label_bits) {
  std::vector<std::int64_t> labels;
  for (std::int64_t l = 0; l < label_bits; ++l)
    if (std::all_of(sets.begin(), sets.end(), [&](std::int64_t set) {
          return data::has_label(set, l) == data::has_label(sets.front(), l);
        }))
      labels.push_back(l);
  return labels;
}

bool Predictions::finite() const {
  return std::find(predicted.begin(), predicted.end(), -1) == predicted.end();
}

double accuracy(const Predictions& p) {
  const double n = size_of(p);
  if (are_sets(p)) return std::isnan(n) ? n : right_labels(p) / (n * static_cast<double>(p.label_bits));
  std::int64_t right = 0;
  for (std::size_t i = 0; i < p.labels.size(); ++i) right += p.predicted[i] == p.labels[i];
  return static_cast<double>(right) / n;
}

double balanced_accuracy(const Predictions& p) {
  const double n = size_of(p);
  if (std::isnan(n)) return n;
  if (are_sets(p))
    return mean_over_labels(p, [&](const OneLabel& l) {
      double right[2]{}, all[2]{};
      for (std::size_t i = 0; i < p.labels.size(); ++i) {
        ++all[l.has(i)];
        right[l.has(i)] += l.predicted(i) == l.has(i);
      }
      return (right[0] / all[0] + right[1] / all[1]) / 2;  // NaN of a label that all have, or nobody
    });
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
  for (std::size_t i = 0; i < p.predicted.size(); ++i) hits += target.evoked(p.predicted[i], p.labels[i]);
  return static_cast<double>(hits) / size_of(p);
}

double mean_loss(const Predictions& p) {
  return std::accumulate(p.losses.begin(), p.losses.end(), 0.0) / size_of(p);
}

double area(const Predictions& p) {
  const double n = size_of(p);
  if (std::isnan(n)) return n;
  const auto classes = classes_of(p);
  if (are_sets(p))
    return mean_over_labels(p, [&](const OneLabel& l) {
      std::vector<double> of_label, of_rest;
      for (std::size_t i = 0; i < p.labels.size(); ++i)
        (l.has(i) ? of_label : of_rest).push_back(l.probability(i));
      return of_label.empty() || of_rest.empty() ? std::numeric_limits<double>::quiet_NaN()
                                                 : auc(of_label, of_rest);
    });
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
  const auto add = [&](double confidence, bool right) {
    const auto above =
        static_cast<std::size_t>(std::ceil(confidence * static_cast<double>(calibration_bins)));
    const auto bin = std::min(std::max<std::size_t>(above, 1), calibration_bins) - 1;
    gaps[bin] += (right ? 1 : 0) - confidence;
  };
  for (std::size_t i = 0; i < p.labels.size(); ++i) {
    if (!are_sets(p)) {
      add(p.probabilities[i * classes + static_cast<std::size_t>(p.predicted[i])],
          p.predicted[i] == p.labels[i]);
      continue;
    }
    for (std::int64_t l = 0; l < p.label_bits; ++l) {
      const OneLabel one{p, l};
      add(std::max(one.probability(i), 1 - one.probability(i)), one.predicted(i) == one.has(i));
    }
  }
  return std::accumulate(gaps.begin(), gaps.end(), 0.0,
                         [](double sum, double gap) { return sum + std::abs(gap); }) /
         (are_sets(p) ? n * static_cast<double>(p.label_bits) : n);
}

double brier_score(const Predictions& p) {
  const double n = size_of(p);
  if (std::isnan(n)) return n;
  const auto classes = classes_of(p);
  if (are_sets(p))
    return mean_over_labels(p, [&](const OneLabel& l) {
      double squares = 0;
      for (std::size_t i = 0; i < p.labels.size(); ++i) {
        const double gap = l.probability(i) - (l.has(i) ? 1 : 0);
        squares += gap * gap;
      }
      return squares / n;
    });
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
