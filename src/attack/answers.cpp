#include "attack/answers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "base/elementary.hpp"
#include "data/label_set.hpp"

namespace afu::attack {
namespace {

constexpr double least = 1e-30;  ///< keeps logarithms finite

/// x log y, 0 where x is.
double x_log_y(double x, double y) { return x == 0 ? 0 : x * base::log(std::max(y, least)); }

template <class Score>
Scores each_row(const Answers& a, Score score) {
  Scores s(a.size());
  for (std::size_t i = 0; i < s.size(); ++i) s[i] = score(i);
  return s;
}

/// The mean over the labels of f(p), p the probability of what each is: its own value, not the other one.
template <class F>
double over_labels(const Answers& a, std::size_t row, F f) {
  double sum = 0;
  for (std::int64_t l = 0; l < a.label_bits; ++l) {
    const double p = a.of(row, l);
    sum += f(data::has_label(a.labels[row], l) ? p : 1 - p);
  }
  return sum / static_cast<double>(a.label_bits);
}

double logarithm(double p) { return base::log(std::max(p, least)); }

/// Logits -> each label's own probability, and the set of those above 1/2.
std::int64_t answer_sets(double* logits, std::int64_t count) {
  std::int64_t set = 0;
  for (std::int64_t l = 0; l < count; ++l) {
    if (logits[l] > 0) set = data::with_label(set, l);
    logits[l] = 1 / (1 + base::exp(-logits[l]));
  }
  return set;
}

double share(std::int64_t count, const Answers& a) {
  if (a.size() == 0) throw std::invalid_argument("a share of no answers");
  if (!a.finite()) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(count) / static_cast<double>(a.size());
}

}  // namespace

bool Answers::finite() const { return std::find(predicted.begin(), predicted.end(), -1) == predicted.end(); }

Answers from_logits(const std::vector<double>& logits, std::int64_t classes,
                    const std::vector<std::int64_t>& labels, std::int64_t label_bits) {
  const auto c = static_cast<std::size_t>(classes);
  if (classes < 1 || logits.size() != labels.size() * c)
    throw std::invalid_argument("logits are not [labels, classes]");
  if (label_bits != 0 && label_bits != classes)
    throw std::invalid_argument("sets of labels need a logit of each label");
  Answers a{classes, logits, labels, {}, label_bits};
  a.predicted.reserve(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || (label_bits > 0 ? labels[i] >> label_bits != 0 : labels[i] >= classes))
      throw std::invalid_argument("a label is no class");
    const auto row = a.probabilities.begin() + static_cast<std::ptrdiff_t>(i * c);
    if (!std::all_of(row, row + classes, [](double z) { return std::isfinite(z); })) {
      std::fill(row, row + classes, std::numeric_limits<double>::quiet_NaN());
      a.predicted.push_back(-1);
      continue;
    }
    if (label_bits > 0) {
      a.predicted.push_back(answer_sets(&*row, classes));
      continue;
    }
    const auto largest = std::max_element(row, row + classes);
    a.predicted.push_back(largest - row);
    const double top = *largest;
    double sum = 0;
    for (auto p = row; p != row + classes; ++p) sum += * p = base::exp(*p - top);
    for (auto p = row; p != row + classes; ++p) *p /= sum;
  }
  return a;
}

Scores negative_loss(const Answers& a) {
  if (a.label_bits > 0) return each_row(a, [&](std::size_t i) { return over_labels(a, i, logarithm); });
  return each_row(a, [&](std::size_t i) { return base::log(std::max(a.of(i, a.labels[i]), least)); });
}

Scores confidence(const Answers& a) {
  if (a.label_bits > 0)
    return each_row(a, [&](std::size_t i) { return base::exp(over_labels(a, i, logarithm)); });
  return each_row(a, [&](std::size_t i) { return a.of(i, a.labels[i]); });
}

Scores negative_entropy(const Answers& a) {
  if (a.label_bits > 0)
    return each_row(a, [&](std::size_t i) {
      return over_labels(a, i, [](double p) { return x_log_y(p, p) + x_log_y(1 - p, 1 - p); });
    });
  return each_row(a, [&](std::size_t i) {
    double sum = 0;
    for (std::int64_t c = 0; c < a.classes; ++c) sum += x_log_y(a.of(i, c), a.of(i, c));
    return sum;
  });
}

Scores negative_modified_entropy(const Answers& a) {
  if (a.label_bits > 0)  // the other one's p is 1 - p: both terms are the same
    return each_row(
        a, [&](std::size_t i) { return over_labels(a, i, [](double p) { return 2 * x_log_y(1 - p, p); }); });
  return each_row(a, [&](std::size_t i) {
    double sum = 0;
    for (std::int64_t c = 0; c < a.classes; ++c) {
      const double p = a.of(i, c);
      sum += c == a.labels[i] ? x_log_y(1 - p, p) : x_log_y(p, 1 - p);
    }
    return sum;
  });
}

double accuracy(const Answers& a) {
  if (a.label_bits > 0) {
    std::int64_t wrong = 0;
    for (std::size_t i = 0; i < a.size(); ++i) wrong += data::labels_in(a.predicted[i] ^ a.labels[i]);
    const auto all = static_cast<std::int64_t>(a.size());
    return share(all * a.label_bits - wrong, a) / static_cast<double>(a.label_bits);
  }
  std::int64_t right = 0;
  for (std::size_t i = 0; i < a.size(); ++i) right += a.predicted[i] == a.labels[i];
  return share(right, a);
}

double share_predicted(const Answers& a, const data::TargetLabel& target) {
  std::int64_t hits = 0;
  for (std::size_t i = 0; i < a.size(); ++i) hits += target.evoked(a.predicted[i], a.labels[i]);
  return share(hits, a);
}

}  // namespace afu::attack
