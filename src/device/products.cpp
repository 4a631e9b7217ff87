#include "device/products.hpp"

#include <ATen/Context.h>
#include <ATen/ops/dot.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "device/cpu/kernels.hpp"
#include "device/devices.hpp"
#include "device/functions.hpp"
#include "model/fixed_order.hpp"

namespace afu::device {
namespace {

thread_local std::int64_t products_done = 0;  ///< in our order, by this thread

/// The library's routine of that name: the one that the loader finds after ours.
template <class Function>
Function* from_library(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

void* scratch() {
  struct Free {
    void operator()(void* p) const { ::operator delete (p, std::align_val_t{64}); }
  };
  thread_local const std::unique_ptr<void, Free> memory(
      ::operator new (cpu::Product<double>::kScratch, std::align_val_t{64}));
  return memory.get();
}

bool transposed(const char* t) { return *t == 't' || *t == 'T' || *t == 'c' || *t == 'C'; }

void compute(const cpu::Product<float>& p) { cpu::kernels().product(p, scratch()); }
void compute(const cpu::Product<double>& p) { cpu::kernels().product_wide(p, scratch()); }
double compute_dot(std::int64_t n, const float* x, std::int64_t dx, const float* y, std::int64_t dy) {
  return cpu::kernels().dot(n, x, dx, y, dy);
}
double compute_dot(std::int64_t n, const double* x, std::int64_t dx, const double* y, std::int64_t dy) {
  return cpu::kernels().dot_wide(n, x, dx, y, dy);
}

/// Where value 0 of n stands: with a step below 0 BLAS begins at the end.
template <class Real>
Real* first(Real* x, std::int64_t n, std::int64_t step) {
  return step < 0 ? x - (n - 1) * step : x;
}

template <class Real>
void gemm(const char* ta, const char* tb, int m, int n, int k, Real alpha, const Real* a, int lda,
          const Real* b, int ldb, Real beta, Real* c, int ldc) {
  ++products_done;
  compute({transposed(ta), transposed(tb), m, n, k, alpha, a, lda, b, ldb, beta, c, ldc});
}

/// y = alpha * op(a) x + beta * y, as a product with one column.
template <class Real>
void gemv(const char* t, int m, int n, Real alpha, const Real* a, int lda, const Real* x, int dx, Real beta,
          Real* y, int dy) {
  ++products_done;
  const bool turned = transposed(t);
  const std::int64_t rows = turned ? n : m, inner = turned ? m : n;
  std::vector<Real> in(static_cast<std::size_t>(inner)), out(static_cast<std::size_t>(rows));
  const auto* from = first(x, inner, dx);
  auto* to = first(y, rows, dy);
  for (std::int64_t i = 0; i < inner; ++i) in[static_cast<std::size_t>(i)] = from[i * dx];
  for (std::int64_t i = 0; i < rows && beta != 0; ++i) out[static_cast<std::size_t>(i)] = to[i * dy];
  compute({turned, false, rows, 1, inner, alpha, a, lda, in.data(), inner, beta, out.data(), rows});
  for (std::int64_t i = 0; i < rows; ++i) to[i * dy] = out[static_cast<std::size_t>(i)];
}

template <class Real>
Real dot(int n, const Real* x, int dx, const Real* y, int dy) {
  ++products_done;
  return static_cast<Real>(compute_dot(n, first(x, n, dx), dx, first(y, n, dy), dy));
}

template <class Real>
void axpy(int n, Real a, const Real* x, int dx, Real* y, int dy) {
  const auto* from = first(x, n, dx);
  auto* to = first(y, n, dy);
  for (std::int64_t i = 0; i < n; ++i) to[i * dy] += a * from[i * dx];
}

template <class Real>
void scal(int n, Real a, Real* x, int dx) {
  for (std::int64_t i = 0; i < n && dx > 0; ++i) x[i * dx] *= a;
}

}  // namespace

std::string bound_to_processor() {
  const std::string kernels = cpu::kernels().name;
  if (kernels != "AVX2" && kernels != "AVX-512")
    return fmt::format("the kernels are those for {}, which round products", kernels);
  for (const auto& [name, version] : library_versions())
    if (name == "LibTorch's vectors" && version != "AVX2")
      return fmt::format("LibTorch's operators are those for {}, not AVX2", version);
  if (at::hasMKL()) return "LibTorch's functions are MKL's";
  if (!own_functions())
    return "LibTorch's exponentials are SLEEF's or the C library's, which it was built with";
  const model::FixedOrder fixed;
  const auto before = products_done;
  const auto a = at::ones({4, 4}, at::kFloat), b = at::ones({4}, at::kDouble);
  static_cast<void>(at::mm(a, a));
  static_cast<void>(at::dot(b, b));
  return products_done == before + 2 ? "" : "LibTorch's products are its BLAS's";
}

}  // namespace afu::device

// As reference BLAS declares them (LP64), and as LibTorch does.
#define AFU_BLAS(Real, letter)                                                                               \
  extern "C" void letter##gemm_(const char* ta, const char* tb, const int* m, const int* n, const int* k,    \
                                const Real* alpha, const Real* a, const int* lda, const Real* b,             \
                                const int* ldb, const Real* beta, Real* c, const int* ldc) {                 \
    static const auto library =                                                                              \
        afu::device::from_library<std::remove_reference_t<decltype(letter##gemm_)>>(#letter "gemm_");        \
    if (!afu::model::fixed_order() && library)                                                               \
      return library(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);                                  \
    afu::device::gemm<Real>(ta, tb, *m, *n, *k, *alpha, a, *lda, b, *ldb, *beta, c, *ldc);                   \
  }                                                                                                          \
  extern "C" void letter##gemv_(const char* t, const int* m, const int* n, const Real* alpha, const Real* a, \
                                const int* lda, const Real* x, const int* dx, const Real* beta, Real* y,     \
                                const int* dy) {                                                             \
    static const auto library =                                                                              \
        afu::device::from_library<std::remove_reference_t<decltype(letter##gemv_)>>(#letter "gemv_");        \
    if (!afu::model::fixed_order() && library) return library(t, m, n, alpha, a, lda, x, dx, beta, y, dy);   \
    afu::device::gemv<Real>(t, *m, *n, *alpha, a, *lda, x, *dx, *beta, y, *dy);                              \
  }                                                                                                          \
  extern "C" Real letter##dot_(const int* n, const Real* x, const int* dx, const Real* y, const int* dy) {   \
    static const auto library =                                                                              \
        afu::device::from_library<std::remove_reference_t<decltype(letter##dot_)>>(#letter "dot_");          \
    if (!afu::model::fixed_order() && library) return library(n, x, dx, y, dy);                              \
    return afu::device::dot<Real>(*n, x, *dx, y, *dy);                                                       \
  }                                                                                                          \
  extern "C" void letter##axpy_(const int* n, const Real* a, const Real* x, const int* dx, Real* y,          \
                                const int* dy) {                                                             \
    static const auto library =                                                                              \
        afu::device::from_library<std::remove_reference_t<decltype(letter##axpy_)>>(#letter "axpy_");        \
    if (!afu::model::fixed_order() && library) return library(n, a, x, dx, y, dy);                           \
    afu::device::axpy<Real>(*n, *a, x, *dx, y, *dy);                                                         \
  }                                                                                                          \
  extern "C" void letter##scal_(const int* n, const Real* a, Real* x, const int* dx) {                       \
    static const auto library =                                                                              \
        afu::device::from_library<std::remove_reference_t<decltype(letter##scal_)>>(#letter "scal_");        \
    if (!afu::model::fixed_order() && library) return library(n, a, x, dx);                                  \
    afu::device::scal<Real>(*n, *a, x, *dx);                                                                 \
  }

AFU_BLAS(float, s)
AFU_BLAS(double, d)
