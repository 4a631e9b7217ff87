#include "attack/logistic.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "base/elementary.hpp"

namespace afu::attack {
namespace {

struct Sample {
  double x, target, weight;
};

/// log(1 + exp(z)), without overflow.
double softplus(double z) { return z > 0 ? z + base::log1p(base::exp(-z)) : base::log1p(base::exp(z)); }
double sigmoid(double z) { return z >= 0 ? 1 / (1 + base::exp(-z)) : base::exp(z) / (1 + base::exp(z)); }

double objective(const std::vector<Sample>& samples, double slope, double offset) {
  double sum = slope * slope / 2;
  for (const auto& s : samples) {
    const double z = slope * s.x + offset;
    sum += s.weight * (softplus(z) - s.target * z);
  }
  return sum;
}

}  // namespace

double Logistic::operator()(double x) const { return sigmoid(slope * x + offset); }

Logistic fit_logistic(const std::vector<double>& members, const std::vector<double>& non_members) {
  if (members.empty() || non_members.empty())
    throw std::invalid_argument("logistic regression needs samples of both classes");
  const auto total = static_cast<double>(members.size() + non_members.size());
  std::vector<Sample> samples;
  for (double x : members) samples.push_back({x, 1, total / 2 / static_cast<double>(members.size())});
  for (double x : non_members) samples.push_back({x, 0, total / 2 / static_cast<double>(non_members.size())});
  double mean = 0, variance = 0;
  for (const auto& s : samples) {
    if (std::isnan(s.x)) return {s.x, s.x};
    if (!std::isfinite(s.x)) throw std::invalid_argument("logistic regression: a value is not finite");
    mean += s.x / total;
  }
  for (const auto& s : samples) variance += (s.x - mean) * (s.x - mean) / total;
  const double scale = variance > 0 ? std::sqrt(variance) : 1;
  for (auto& s : samples) s.x = (s.x - mean) / scale;

  double slope = 0, offset = 0, value = objective(samples, 0, 0);
  for (int iteration = 0; iteration < 100; ++iteration) {
    double gs = slope, go = 0, hss = 1, hso = 0, hoo = 1e-12;
    for (const auto& s : samples) {
      const double p = sigmoid(slope * s.x + offset);
      const double g = s.weight * (p - s.target), h = s.weight * p * (1 - p);
      gs += g * s.x, go += g;
      hss += h * s.x * s.x, hso += h * s.x, hoo += h;
    }
    const double determinant = hss * hoo - hso * hso;
    const double ds = (hoo * gs - hso * go) / determinant, d0 = (hss * go - hso * gs) / determinant;
    double step = 1, next = value;
    for (; step > 1e-8; step /= 2) {
      next = objective(samples, slope - step * ds, offset - step * d0);
      if (next <= value) break;
    }
    if (step <= 1e-8) break;
    slope -= step * ds, offset -= step * d0;
    const bool over = value - next < 1e-12 * std::max(1.0, value);
    value = next;
    if (over) break;
  }
  return {slope / scale, offset - slope * mean / scale};
}

}  // namespace afu::attack
