/// LibTorch's operators ask the functions of base/elementary.hpp.
#include "device/functions.hpp"

#include <torch/types.h>

#include "base/elementary.hpp"
#include "device/products.hpp"

// After torch: its logging headers define a CHECK of their own.
#include <doctest/doctest.h>

using namespace afu;

namespace {

/// Values of whole vectors, and of a part of one behind them.
constexpr std::int64_t count = 8 * 5 + 3;

template <class Real>
void check(torch::ScalarType type, at::Tensor (*theirs)(const at::Tensor&), Real (*ours)(Real)) {
  const auto x = torch::linspace(0.01, 3, count, type);
  const auto y = theirs(x);
  for (std::int64_t i = 0; i < count; ++i) {
    CAPTURE(i);
    CHECK(y.data_ptr<Real>()[i] == ours(x.data_ptr<Real>()[i]));
  }
}

}  // namespace

TEST_CASE("LibTorch's exponentials, logarithms and hyperbolic tangents are ours, bit for bit") {
  if (!device::own_functions()) {
    // Then no run says that its bytes are the same elsewhere.
    CHECK_FALSE(device::bound_to_processor().empty());
    MESSAGE("skipped: this LibTorch has functions of its own");
    return;
  }
  check<float>(torch::kFloat32, at::exp, base::exp);
  check<float>(torch::kFloat32, at::log, base::log);
  check<float>(torch::kFloat32, at::log1p, base::log1p);
  check<float>(torch::kFloat32, at::tanh, base::tanh);
  check<double>(torch::kFloat64, at::exp, base::exp);
  check<double>(torch::kFloat64, at::log, base::log);
  check<double>(torch::kFloat64, at::log1p, base::log1p);
  check<double>(torch::kFloat64, at::tanh, base::tanh);
}
