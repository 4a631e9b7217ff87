/// BLAS in an order of our own: what LibTorch's operators get from it, and that vectors' width is not seen.
#include "device/products.hpp"

#include <ATen/Context.h>
#include <torch/types.h>

#include <cstring>
#include <vector>

#include "base/random.hpp"
#include "device/cpu/kernels.hpp"
#include "model/fixed_order.hpp"

// After torch: its logging headers define a CHECK of their own.
#include <doctest/doctest.h>

using namespace afu;
using namespace afu::device;

namespace {

torch::Tensor random_matrix(std::int64_t rows, std::int64_t columns, torch::ScalarType type) {
  auto t = torch::empty({rows, columns}, torch::kFloat64);
  base::Stream stream({7, base::purpose("test.products"), static_cast<std::uint64_t>(rows),
                       static_cast<std::uint64_t>(columns)});
  for (std::int64_t i = 0; i < t.numel(); ++i) t.data_ptr<double>()[i] = stream.normal();
  return t.to(type);
}

/// a b by three loops, float64.
torch::Tensor by_hand(const torch::Tensor& a, const torch::Tensor& b) {
  const auto x = a.to(torch::kFloat64).contiguous(), y = b.to(torch::kFloat64).contiguous();
  auto c = torch::zeros({x.size(0), y.size(1)}, torch::kFloat64);
  for (std::int64_t i = 0; i < x.size(0); ++i)
    for (std::int64_t k = 0; k < x.size(1); ++k)
      for (std::int64_t j = 0; j < y.size(1); ++j)
        c.data_ptr<double>()[i * y.size(1) + j] +=
            x.data_ptr<double>()[i * x.size(1) + k] * y.data_ptr<double>()[k * y.size(1) + j];
  return c;
}

bool close(const torch::Tensor& a, const torch::Tensor& expected) {
  const double tolerance = a.scalar_type() == torch::kFloat32 ? 2e-5 : 1e-13;
  return (a.to(torch::kFloat64) - expected).abs().max().item<double>() <
         tolerance * (1 + expected.abs().max().item<double>());
}

/// Those that multiply and add in one rounding.
std::vector<const cpu::Kernels*> fused_kernels() {
  int count = 0;
  const auto* const* all = cpu::all_kernels(count);
  std::vector<const cpu::Kernels*> some;
  for (int i = 0; i < count; ++i)
    if (std::string(all[i]->name) != "128 bit") some.push_back(all[i]);
  return some;
}

}  // namespace

TEST_CASE("products by LibTorch's operators in a fixed order are products, transposed or not") {
  const model::FixedOrder fixed;
  for (const auto type : {torch::kFloat32, torch::kFloat64})
    for (const auto& [m, k, n] :
         {std::tuple<int, int, int>{1, 1, 1}, {3, 5, 2}, {33, 257, 13}, {64, 300, 70}, {7, 1000, 600}}) {
      CAPTURE(m);
      CAPTURE(k);
      const auto a = random_matrix(m, k, type), b = random_matrix(k, n, type);
      const auto at = random_matrix(k, m, type).t(), bt = random_matrix(n, k, type).t();
      CHECK(close(at::mm(a, b), by_hand(a, b)));
      CHECK(close(at::mm(at, b), by_hand(at, b)));
      CHECK(close(at::mm(a, bt), by_hand(a, bt)));
      CHECK(close(at::mm(at, bt), by_hand(at, bt)));
      const auto c = random_matrix(m, n, type);
      CHECK(close(at::addmm(c, a, b, 0.5, 2), 0.5 * c.to(torch::kFloat64) + 2 * by_hand(a, b)));
      const auto x = random_matrix(k, 2, type).select(1, 1);  // every second value
      CHECK(close(at::mv(a, x), by_hand(a, x.unsqueeze(1)).squeeze(1)));
      CHECK(close(at::mv(at, x), by_hand(at, x.unsqueeze(1)).squeeze(1)));
      CHECK(close(at::dot(x, a[0]), by_hand(x.unsqueeze(0), a[0].unsqueeze(1)).squeeze()));
    }
}

TEST_CASE("what is not there is not read, and NaN goes through") {
  const model::FixedOrder fixed;
  auto c = torch::full({4, 3}, std::nan(""), torch::kFloat32);
  at::mm_out(c, torch::ones({4, 2}), torch::ones({2, 3}));
  CHECK(at::equal(c, torch::full({4, 3}, 2.0f)));
  CHECK(at::equal(at::mm(torch::ones({4, 0}), torch::ones({0, 3})), torch::zeros({4, 3})));
  auto a = torch::ones({4, 2});
  a[1][0] = std::nan("");
  const auto seen = at::mm(a, torch::zeros({2, 3})).isnan().any(1);
  CHECK(seen.sum().item<std::int64_t>() == 1);
  CHECK(seen[1].item<bool>());
}

TEST_CASE("products are the same bits with AVX2 as with AVX-512") {
  const auto kernels = fused_kernels();
  if (kernels.size() < 2) {
    MESSAGE("skipped: this processor has no AVX-512");
    return;
  }
  const auto compare = [&](auto zero) {
    using Real = decltype(zero);
    const auto type = sizeof(Real) == 4 ? torch::kFloat32 : torch::kFloat64;
    const auto scratch = torch::empty({cpu::Product<double>::kScratch}, torch::kUInt8);  // aligned to 64
    for (std::int64_t m : {1, 9, 40})
      for (std::int64_t k : {3, 700})
        for (std::int64_t n : {1, 11, 530}) {
          const auto a = random_matrix(k, m, type), b = random_matrix(n, k, type);
          std::vector<torch::Tensor> results;
          std::vector<double> dots;
          for (const auto* table : kernels) {
            auto c = random_matrix(n, m, type);
            cpu::Product<Real> p;
            p.rows = m, p.columns = n, p.inner = k;
            p.alpha = Real(0.7), p.beta = Real(-1.1);
            p.a = a.data_ptr<Real>(), p.b = b.data_ptr<Real>(), p.c = c.template data_ptr<Real>();
            p.a_pitch = m, p.b_pitch = k, p.c_pitch = m;
            if constexpr (sizeof(Real) == 4) {
              table->product(p, scratch.data_ptr());
              dots.push_back(table->dot(k, p.a, m, p.b, 1));
            } else {
              table->product_wide(p, scratch.data_ptr());
              dots.push_back(table->dot_wide(k, p.a, m, p.b, 1));
            }
            results.push_back(c);
          }
          CHECK(at::equal(results[0], results[1]));
          CHECK(dots[0] == dots[1]);
        }
  };
  compare(0.0f);
  compare(0.0);
}

TEST_CASE("nothing that this process computes in a fixed order depends on the processor") {
  if (fused_kernels().empty())
    CHECK(bound_to_processor() == "the kernels are those for 128 bit, which round products");
  else if (at::hasMKL())  // whose vectors are told first where an operator of another test chose them
    CHECK((bound_to_processor() == "LibTorch's functions are MKL's" ||
           bound_to_processor() == "LibTorch's operators are those for AVX512, not AVX2"));
  else
    CHECK(bound_to_processor() == "");
}
