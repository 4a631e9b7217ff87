#include "device/functions.hpp"

#include <ATen/ops/exp.h>
#include <ATen/ops/full.h>
#include <ATen/ops/log.h>
#include <ATen/ops/log1p.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tanh.h>

#include <cstdint>

#include "base/elementary.hpp"
#include "device/cpu/variants.hpp"

#ifdef AFU_X86_VECTORS
#include <immintrin.h>
#endif

namespace afu::device {
namespace {
thread_local std::int64_t functions_done = 0;  ///< values and vectors, by this thread
}

bool own_functions() {
  using Operator = at::Tensor (*)(const at::Tensor&);
  static constexpr Operator operators[] = {
      [](const at::Tensor& x) { return at::exp(x); },
      [](const at::Tensor& x) { return at::log(x); },
      [](const at::Tensor& x) { return at::log1p(x); },
      [](const at::Tensor& x) { return at::tanh(x); },
      [](const at::Tensor& x) { return at::sigmoid(x); },
      [](const at::Tensor& x) { return at::softmax(x, 0); },
      [](const at::Tensor& x) { return at::softmax(x, 1); },
      [](const at::Tensor& x) { return at::log_softmax(x, 1); },
  };
  for (const auto type : {at::kFloat, at::kDouble})
    for (const std::int64_t columns : {3, 64})  // a part of a vector, and several
      for (const auto f : operators) {
        const auto x = at::full({2, columns}, 0.5, type);
        const auto before = functions_done;
        static_cast<void>(f(x));
        if (functions_done == before) return false;
      }
  return true;
}

}  // namespace afu::device

#ifdef AFU_X86_VECTORS
namespace {

template <class Vector, class Real, Real (*function)(Real)>
[[gnu::target("avx2"), gnu::always_inline]] inline Vector each(Vector x) {
  ++afu::device::functions_done;
  for (int i = 0; i < static_cast<int>(sizeof(Vector) / sizeof(Real)); ++i) x[i] = function(x[i]);
  return x;
}

template <class Real, Real (*function)(Real)>
Real one(Real x) {
  ++afu::device::functions_done;
  return function(x);
}

}  // namespace

// As SLEEF 3 declares them, and as the C library does: LibTorch asks that for what does not fill a vector. By another
// name here, since <cmath> declares them too, with exceptions' specifications of its own.
#define AFU_FUNCTION(name)                                                           \
  extern "C" [[gnu::target("avx2")]] __m256 Sleef_##name##f8_u10(__m256 x) {         \
    return each<__m256, float, afu::base::name>(x);                                  \
  }                                                                                  \
  extern "C" [[gnu::target("avx2")]] __m256d Sleef_##name##d4_u10(__m256d x) {       \
    return each<__m256d, double, afu::base::name>(x);                                \
  }                                                                                  \
  extern "C" double afu_##name(double x) asm(#name);                                 \
  extern "C" double afu_##name(double x) { return one<double, afu::base::name>(x); } \
  extern "C" float afu_##name##f(float x) asm(#name "f");                            \
  extern "C" float afu_##name##f(float x) { return one<float, afu::base::name>(x); }
AFU_FUNCTION(exp)
AFU_FUNCTION(log)
AFU_FUNCTION(log1p)
AFU_FUNCTION(tanh)
#undef AFU_FUNCTION
#endif
