#include "engine/eigen.hpp"

#include <limits>
#include <stdexcept>

#include "base/random.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using engine::symmetric_eigen;

namespace {

torch::Tensor random_rows(std::int64_t n, std::int64_t k) {
  auto t = torch::empty({n, k}, torch::kFloat64);
  base::Stream stream({3, base::purpose("test.eigen"), static_cast<std::uint64_t>(n), 0});
  for (std::int64_t i = 0; i < t.numel(); ++i) t.data_ptr<double>()[i] = stream.normal();
  return t;
}

void check(const torch::Tensor& m) {
  const auto [values, vectors] = symmetric_eigen(m);
  const auto n = m.size(0);
  const double scale = 1e-12 * (1e-300 + m.abs().max().item<double>()) * static_cast<double>(n);
  CHECK(test::largest(at::matmul(m, vectors) - vectors * values) <= scale);
  CHECK(test::largest(at::matmul(vectors.t(), vectors) - torch::eye(n, torch::kFloat64)) < 1e-12);
  for (std::int64_t i = 1; i < n; ++i) CHECK(values[i - 1].item<double>() <= values[i].item<double>());
}

}  // namespace

TEST_CASE("eigenvectors are orthonormal, and the matrix only stretches them") {
  for (std::int64_t n : {1, 2, 5, 33}) {
    CAPTURE(n);
    const auto a = random_rows(n, n);
    check(a + a.t());
    check(at::matmul(a, a.t()));
    check(torch::eye(n, torch::kFloat64));  // all values alike
    check(torch::zeros({n, n}, torch::kFloat64));
    const auto few = random_rows(n, 2);  // of rank 2
    check(at::matmul(few, few.t()));
    check(at::matmul(few, few.t()) * 1e-200);
    check(at::matmul(few, few.t()) * 1e200);
  }
}

TEST_CASE("a matrix that has no eigenvectors of this kind is refused") {
  CHECK_THROWS_AS(symmetric_eigen(torch::zeros({2, 3}, torch::kFloat64)), std::invalid_argument);
  CHECK_THROWS_AS(symmetric_eigen(torch::zeros({2, 2})), std::invalid_argument);
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(symmetric_eigen(torch::full({2, 2}, nan, torch::kFloat64)), std::runtime_error);
}
