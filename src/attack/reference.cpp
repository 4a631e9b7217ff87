#include "attack/reference.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "base/elementary.hpp"

namespace afu::attack {
namespace {

constexpr std::size_t own_deviation_from = 16;

void check(const Referenced& r) {
  if (r.references.empty()) throw std::invalid_argument("there are no reference models");
  for (const auto& reference : r.references)
    if (reference.size() != r.model.size())
      throw std::invalid_argument("a reference model answered to other samples");
}

std::vector<double> ratios(const Referenced& r, double a) {
  check(r);
  std::vector<double> out(r.model.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    double mean = 0;
    for (const auto& reference : r.references) mean += reference[i];
    mean /= static_cast<double>(r.references.size());
    out[i] = r.model[i] / std::max(((1 + a) * mean + 1 - a) / 2, 1e-12);  // in this order NaN stays NaN
  }
  return out;
}

}  // namespace

double logit_confidence(double p) {
  p = std::clamp(p, 1e-6, 1 - 1e-6);
  return base::log(p / (1 - p));
}

Scores lira_scores(const Referenced& r) {
  check(r);
  const auto models = r.references.size(), n = r.model.size();
  std::vector<double> mean(n, 0), variance(n, 0);
  for (const auto& reference : r.references)
    for (std::size_t i = 0; i < n; ++i) mean[i] += logit_confidence(reference[i]);
  for (auto& m : mean) m /= static_cast<double>(models);
  for (const auto& reference : r.references)
    for (std::size_t i = 0; i < n; ++i) {
      const double d = logit_confidence(reference[i]) - mean[i];
      variance[i] += models > 1 ? d * d / static_cast<double>(models - 1) : 0;
    }
  if (models < own_deviation_from) {
    double pooled = 0;
    for (double v : variance) pooled += v / static_cast<double>(n);
    std::fill(variance.begin(), variance.end(), models > 1 ? pooled : 1.0);
  }
  Scores scores(n);
  for (std::size_t i = 0; i < n; ++i)
    scores[i] = (logit_confidence(r.model[i]) - mean[i]) / std::sqrt(std::max(variance[i], 1e-12));
  return scores;
}

Scores rmia_scores(const Referenced& suspects, const Referenced& population, double a) {
  auto scores = ratios(suspects, a);
  auto others = ratios(population, a);
  if (others.empty()) throw std::invalid_argument("there is no population to compare with");
  if (std::any_of(others.begin(), others.end(), [](double s) { return std::isnan(s); })) {
    std::fill(scores.begin(), scores.end(), std::numeric_limits<double>::quiet_NaN());
    return scores;
  }
  std::sort(others.begin(), others.end());
  for (auto& s : scores) {
    if (std::isnan(s)) continue;
    const auto below = std::lower_bound(others.begin(), others.end(), s) - others.begin();
    s = static_cast<double>(below) / static_cast<double>(others.size());
  }
  return scores;
}

}  // namespace afu::attack
