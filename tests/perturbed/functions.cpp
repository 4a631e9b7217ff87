/// For LD_PRELOAD: the C library's and SLEEF's functions with their last bit turned over, as another version of
/// them might have it. A run that promises its bytes gives the same ones with it.
#include <dlfcn.h>
#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace {

template <class Real, class Bits>
Real turned(Real x) {
  if (!(x - x == 0) || x == 0) return x;
  Bits b;
  std::memcpy(&b, &x, sizeof b);
  b ^= 1;
  std::memcpy(&x, &b, sizeof b);
  return x;
}
double other(double x) { return turned<double, std::uint64_t>(x); }
float other(float x) { return turned<float, std::uint32_t>(x); }

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// clang-format off
#define ONE(Real, name)                                  \
  extern "C" Real name(Real x) {                         \
    static auto* const real = next<Real(Real)>(#name);   \
    return other(real(x));                               \
  }
#define TWO(Real, name)                                        \
  extern "C" Real name(Real x, Real y) {                       \
    static auto* const real = next<Real(Real, Real)>(#name);   \
    return other(real(x, y));                                  \
  }
#define VECTOR(Vector, Real, name)                                                                  \
  extern "C" [[gnu::target("avx2")]] Vector name(Vector x) {                                        \
    static auto* const real = next<Vector(Vector)>(#name);                                          \
    x = real(x);                                                                                    \
    for (int i = 0; i < static_cast<int>(sizeof(Vector) / sizeof(Real)); ++i) x[i] = other(x[i]);   \
    return x;                                                                                       \
  }
#define ALL(name)                              \
  ONE(double, name)                            \
  ONE(float, name##f)                          \
  VECTOR(__m256, float, Sleef_##name##f8_u10)  \
  VECTOR(__m256d, double, Sleef_##name##d4_u10)

ALL(exp) ALL(expm1) ALL(log) ALL(log2) ALL(log10) ALL(log1p) ALL(tanh) ALL(sinh) ALL(cosh)
ALL(sin) ALL(cos) ALL(tan) ALL(asin) ALL(acos) ALL(atan)
ONE(double, exp2) ONE(float, exp2f) ONE(double, cbrt) ONE(double, erf) ONE(double, erfc) ONE(double, tgamma)
TWO(double, pow) TWO(float, powf) TWO(double, hypot) TWO(double, atan2)
    // clang-format on

    extern "C" void sincos(double x, double* s, double* c) {
  static auto* const real = next<void(double, double*, double*)>("sincos");
  real(x, s, c);
  *s = other(*s), *c = other(*c);
}
