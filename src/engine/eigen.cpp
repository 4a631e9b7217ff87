#include "engine/eigen.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace afu::engine {
namespace {

/// Rows of n doubles.
class Square {
 public:
  Square(double* values, std::int64_t n) : values_(values), n_(n) {}
  double& at(std::int64_t i, std::int64_t j) const { return values_[i * n_ + j]; }
  std::int64_t size() const { return n_; }

 private:
  double* values_;
  std::int64_t n_;
};

/// Makes a(p, q) zero; the columns of v turn along.
void rotate(const Square& a, const Square& v, std::int64_t p, std::int64_t q) {
  const double theta = (a.at(q, q) - a.at(p, p)) / (2 * a.at(p, q));
  const double root = std::sqrt(theta * theta + 1);
  const double t = std::isinf(root) ? 1 / (2 * theta) : (theta >= 0 ? 1 : -1) / (std::abs(theta) + root);
  const double c = 1 / std::sqrt(t * t + 1), s = t * c;
  const auto turn = [&](double& x, double& y) {
    const double before = x;
    x = c * before - s * y;
    y = s * before + c * y;
  };
  for (std::int64_t k = 0; k < a.size(); ++k) turn(a.at(k, p), a.at(k, q));
  for (std::int64_t k = 0; k < a.size(); ++k) turn(a.at(p, k), a.at(q, k));
  for (std::int64_t k = 0; k < a.size(); ++k) turn(v.at(k, p), v.at(k, q));
  a.at(p, q) = a.at(q, p) = 0;
}

}  // namespace

std::pair<torch::Tensor, torch::Tensor> symmetric_eigen(const torch::Tensor& matrix) {
  if (matrix.dim() != 2 || matrix.size(0) != matrix.size(1) || matrix.scalar_type() != torch::kFloat64 ||
      !matrix.is_cpu())
    throw std::invalid_argument("eigenvectors are of a square float64 matrix on the CPU");
  const auto n = matrix.size(0);
  auto turned = matrix.contiguous().clone();
  auto columns = torch::zeros({n, n}, torch::kFloat64);
  const Square a(turned.data_ptr<double>(), n), v(columns.data_ptr<double>(), n);
  for (std::int64_t i = 0; i < n; ++i) {
    v.at(i, i) = 1;
    for (std::int64_t j = 0; j < n; ++j)
      if (!std::isfinite(a.at(i, j)))
        throw std::runtime_error("a matrix whose eigenvectors are wanted is not finite");
  }
  constexpr int kSweeps = 60;  // a handful are enough: convergence is quadratic
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    bool rotated = false;
    for (std::int64_t p = 0; p < n; ++p)
      for (std::int64_t q = p + 1; q < n; ++q) {
        const double scale = std::sqrt(std::abs(a.at(p, p))) * std::sqrt(std::abs(a.at(q, q)));
        const double small = std::numeric_limits<double>::epsilon() * scale;
        if (a.at(p, q) == 0 || std::abs(a.at(p, q)) <= small) continue;
        rotate(a, v, p, q);
        rotated = true;
      }
    if (!rotated) break;
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t i, std::int64_t j) { return a.at(i, i) < a.at(j, j); });
  auto values = torch::empty({n}, torch::kFloat64), vectors = torch::empty({n, n}, torch::kFloat64);
  const Square out(vectors.data_ptr<double>(), n);
  for (std::int64_t k = 0; k < n; ++k) {
    const auto from = order[static_cast<std::size_t>(k)];
    values.data_ptr<double>()[k] = a.at(from, from);
    for (std::int64_t i = 0; i < n; ++i) out.at(i, k) = v.at(i, from);
  }
  return {values, vectors};
}

}  // namespace afu::engine
