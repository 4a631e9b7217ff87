#include "metrics/auc.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace afu::metrics {

double auc(const std::vector<double>& positives, const std::vector<double>& negatives) {
  if (positives.empty() || negatives.empty())
    throw std::invalid_argument("auc: both lists of scores need at least one entry");
  std::vector<std::pair<double, bool>> scores;  // with whether it is a positive's
  scores.reserve(positives.size() + negatives.size());
  for (double s : positives) scores.emplace_back(s, true);
  for (double s : negatives) scores.emplace_back(s, false);
  for (const auto& [s, positive] : scores)
    if (std::isnan(s)) return s;
  std::sort(scores.begin(), scores.end());

  // Over groups of equal scores: each positive wins against all negatives below, and half against its equals.
  double wins = 0, negatives_below = 0;
  for (std::size_t begin = 0, end = 0; begin < scores.size(); begin = end) {
    double p = 0, n = 0;
    for (; end < scores.size() && scores[end].first == scores[begin].first; ++end)
      (scores[end].second ? p : n) += 1;
    wins += p * (negatives_below + n / 2);
    negatives_below += n;
  }
  return wins / (static_cast<double>(positives.size()) * static_cast<double>(negatives.size()));
}

}  // namespace afu::metrics
