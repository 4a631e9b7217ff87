#include "base/elementary.hpp"

#include <cstdint>
#include <cstring>
#include <limits>

namespace afu::base {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kSqrtHalf = 0x1.6a09e667f3bcdp-1;
constexpr double kInverseLn2 = 0x1.71547652b82fep+0;
/// ln 2 in two parts; the first has 42 bits, so that its product with an exponent is exact.
constexpr double kLn2High = 0x1.62e42fefa3800p-1, kLn2Low = 0x1.ef35793c76730p-45;
/// pi / 2 in three; the first two have 33 bits, so that products with numbers up to 2^20 are exact.
constexpr double kHalfPi1 = 0x1.921fb54400000p+0, kHalfPi2 = 0x1.0b4611a600000p-34,
                 kHalfPi3 = 0x1.3198a2e037073p-69, kInverseHalfPi = 0x1.45f306dc9c883p-1;

std::uint64_t bits_of(double x) {
  std::uint64_t b;
  std::memcpy(&b, &x, sizeof b);
  return b;
}
double of_bits(std::uint64_t b) {
  double x;
  std::memcpy(&x, &b, sizeof x);
  return x;
}

/// 2^e of a normal number.
double power_of_two(int e) { return of_bits(static_cast<std::uint64_t>(e + 1023) << 52); }
double scaled(double x, int e) { return x * power_of_two(e / 2) * power_of_two(e - e / 2); }

/// The nearest integer, ties to even. |x| < 2^51.
double nearest(double x) {
  constexpr double kShift = 0x1.8p52;
  return (x + kShift) - kShift;
}

/// high + low, |low| at most half a unit in the last place of high.
struct Two {
  double high = 0, low = 0;
};

/// Exact. |a| >= |b|, or a is 0.
Two sum_ordered(double a, double b) {
  const double s = a + b;
  return {s, b - (s - a)};
}
/// Exact.
Two sum(double a, double b) {
  const double s = a + b, t = s - a;
  return {s, (a - (s - t)) + (b - t)};
}
/// A double's upper 26 bits.
double upper(double a) {
  const double t = 0x1.0000002p27 * a;
  return t - (t - a);
}
/// Exact, of numbers from 2^-400 to 2^400.
Two product(double a, double b) {
  const double p = a * b, ah = upper(a), bh = upper(b), al = a - ah, bl = b - bh;
  return {p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}
Two add(const Two& a, const Two& b) {
  const auto s = sum(a.high, b.high);
  return sum_ordered(s.high, s.low + (a.low + b.low));
}
Two multiply(const Two& a, const Two& b) {
  const auto p = product(a.high, b.high);
  return sum_ordered(p.high, p.low + (a.high * b.low + a.low * b.high));
}

/// exp(x + low), |low| small beside x and beside 1; of what does not overflow or vanish.
double exp_of(double x, double low) {
  const double k = nearest(x * kInverseLn2);
  const auto r = sum(x, -k * kLn2High);
  const double rest = r.low + (low - k * kLn2Low), h = r.high;  // |h| < 0.35
  double tail = 1.0 / 6227020800;                               // 1/13!
  tail = tail * h + 1.0 / 479001600;
  tail = tail * h + 1.0 / 39916800;
  tail = tail * h + 1.0 / 3628800;
  tail = tail * h + 1.0 / 362880;
  tail = tail * h + 1.0 / 40320;
  tail = tail * h + 1.0 / 5040;
  tail = tail * h + 1.0 / 720;
  tail = tail * h + 1.0 / 120;
  tail = tail * h + 1.0 / 24;
  tail = tail * h + 1.0 / 6;
  tail = tail * h + 0.5;
  const auto one = sum_ordered(1, h);
  const double t = tail * (h * h);
  return scaled(one.high + (one.low + (t + (rest + rest * (h + t)))), static_cast<int>(k));
}

/// x = m * 2^e, m from sqrt(1/2) to sqrt(2). x is above 0 and finite.
struct Split {
  double m = 1;
  int e = 0;
};
Split split(double x) {
  int e = 0;
  if (x < std::numeric_limits<double>::min()) x *= 0x1p54, e = -54;
  const auto b = bits_of(x);
  e += static_cast<int>(b >> 52) - 1022;
  double m = of_bits((b & 0xfffffffffffffull) | 0x3fe0000000000000ull);  // 0.5 to 1
  if (m < kSqrtHalf) m *= 2, --e;
  return {m, e};
}

/// 1/3 + z/5 + z^2/7 + ..., z = s^2 of atanh(s), z < 0.03.
double atanh_tail(double z) {
  double t = 1.0 / 25;
  t = t * z + 1.0 / 23;
  t = t * z + 1.0 / 21;
  t = t * z + 1.0 / 19;
  t = t * z + 1.0 / 17;
  t = t * z + 1.0 / 15;
  t = t * z + 1.0 / 13;
  t = t * z + 1.0 / 11;
  t = t * z + 1.0 / 9;
  t = t * z + 1.0 / 7;
  t = t * z + 1.0 / 5;
  return t * z + 1.0 / 3;
}

/// log(1 + f) + e * ln 2, f from sqrt(1/2) - 1 to sqrt(2) - 1. With s = f / (2 + f), log(1 + f) =
/// 2 atanh(s) = f - f^2/2 + s * (f^2/2 + 2 s^2 * atanh_tail(s^2)).
double log_near_1(double f, int e, double low) {
  const double s = f / (2 + f), z = s * s, half = 0.5 * f * f, k = e;
  const double rest = s * (half + 2 * z * atanh_tail(z)) + (k * kLn2Low + low);
  const auto whole = sum(k * kLn2High, f);
  return whole.high + (whole.low + (rest - half));
}

/// log(x) in two doubles, to about 2^-70 of itself. x is above 0 and finite.
Two log_in_two(double x) {
  const auto [m, e] = split(x);
  const double f = m - 1;
  const auto d = sum(m, 1);
  const double quotient = f / d.high;
  const auto back = product(quotient, d.high);
  const auto s = sum_ordered(quotient, ((f - back.high) - back.low - quotient * d.low) / d.high);
  const auto z = multiply(s, s);
  double t = 1.0 / 31;  // from z^5 on, one double is enough
  t = t * z.high + 1.0 / 29;
  t = t * z.high + 1.0 / 27;
  t = t * z.high + 1.0 / 25;
  t = t * z.high + 1.0 / 23;
  t = t * z.high + 1.0 / 21;
  t = t * z.high + 1.0 / 19;
  t = t * z.high + 1.0 / 17;
  t = t * z.high + 1.0 / 15;
  t = t * z.high + 1.0 / 13;
  t = t * z.high + 1.0 / 11;
  Two series = add({0x1.c71c71c71c71cp-4, 0x1.c71c71c71c71cp-58}, {t * z.high, 0});   // 1/9
  series = add({0x1.2492492492492p-3, 0x1.2492492492492p-57}, multiply(series, z));   // 1/7
  series = add({0x1.999999999999ap-3, -0x1.999999999999ap-57}, multiply(series, z));  // 1/5
  series = add({0x1.5555555555555p-2, 0x1.5555555555555p-56}, multiply(series, z));   // 1/3
  series = multiply({2 * s.high, 2 * s.low}, add({1, 0}, multiply(series, z)));
  const double k = e;
  return add(sum(k * kLn2High, k * kLn2Low), series);
}

bool is_nan(double x) { return x != x; }

/// sin(h + low) and cos(h + low), |h| < 0.8.
double sine(double h, double low) {
  const double z = h * h;
  double t = -1.0 / 121645100408832000.0;  // -1/19!
  t = t * z + 1.0 / 355687428096000;
  t = t * z - 1.0 / 1307674368000;
  t = t * z + 1.0 / 6227020800;
  t = t * z - 1.0 / 39916800;
  t = t * z + 1.0 / 362880;
  t = t * z - 1.0 / 5040;
  t = t * z + 1.0 / 120;
  t = t * z - 1.0 / 6;
  return h + (t * z * h + low * (1 - 0.5 * z));
}
double cosine(double h, double low) {
  const double z = h * h;
  double t = 1.0 / 2432902008176640000.0;  // 1/20!
  t = t * z - 1.0 / 6402373705728000;
  t = t * z + 1.0 / 20922789888000;
  t = t * z - 1.0 / 87178291200;
  t = t * z + 1.0 / 479001600;
  t = t * z - 1.0 / 3628800;
  t = t * z + 1.0 / 40320;
  t = t * z - 1.0 / 720;
  t = t * z + 1.0 / 24;
  const auto one = sum_ordered(1, -0.5 * z);
  return one.high + (one.low + (t * z * z - low * h));
}

}  // namespace

double exp(double x) {
  if (is_nan(x)) return x;
  if (x > 710) return kInfinity;
  if (x < -746) return 0;
  return exp_of(x, 0);
}

double log(double x) {
  if (is_nan(x) || x == kInfinity) return x;
  if (x == 0) return -kInfinity;
  if (x < 0) return kNan;
  const auto [m, e] = split(x);
  return log_near_1(m - 1, e, 0);
}

double log1p(double x) {
  if (is_nan(x) || x == kInfinity || x == 0) return x;
  if (x < -1) return kNan;
  if (x == -1) return -kInfinity;
  if (x > kSqrtHalf - 1 && x < 2 * kSqrtHalf - 1) return log_near_1(x, 0, 0);
  const auto u = sum(1, x);
  const auto [m, e] = split(u.high);
  return log_near_1(m - 1, e, u.low / u.high);
}

/// By (1 - q) / (1 + q), q = exp(-2 |x|); near 0 by the series of sinh / cosh.
double tanh(double x) {
  if (is_nan(x) || x == 0) return x;
  const double a = x < 0 ? -x : x;
  if (a > 20) return x < 0 ? -1 : 1;
  if (a < 0.35) {
    const double z = x * x;
    double s = 1.0 / 1307674368000;  // 1/15!
    s = s * z + 1.0 / 6227020800;
    s = s * z + 1.0 / 39916800;
    s = s * z + 1.0 / 362880;
    s = s * z + 1.0 / 5040;
    s = s * z + 1.0 / 120;
    s = s * z + 1.0 / 6;
    double c = 1.0 / 87178291200;  // 1/14!
    c = c * z + 1.0 / 479001600;
    c = c * z + 1.0 / 3628800;
    c = c * z + 1.0 / 40320;
    c = c * z + 1.0 / 720;
    c = c * z + 1.0 / 24;
    c = c * z + 0.5;
    return x + x * z * (s - c) / (1 + c * z);
  }
  const double q = exp(-2 * a), t = (1 - q) / (1 + q);
  return x < 0 ? -t : t;
}

double pow(double base, double to) {
  if (to == 0 || base == 1) return 1;
  if (is_nan(base) || is_nan(to) || base < 0) return kNan;
  if (base == 0 || base == kInfinity) return (base == 0) == (to > 0) ? 0 : kInfinity;
  if (to == kInfinity || to == -kInfinity) return (base < 1) == (to > 0) ? 0 : kInfinity;
  const auto l = log_in_two(base);
  const double about = l.high * to;
  if (about > 710) return kInfinity;
  if (about < -746) return 0;
  if (about < 0x1p-60 && about > -0x1p-60) return 1 + about;
  // Kept away from where Dekker's product leaves the range: here |to| <= 746 * 2^53, and 2^-60 / 745 at least.
  const auto power = product(l.high, to);
  return exp_of(power.high, power.low + l.low * to);
}

SinCos sincos(double x) {
  if (!(x <= 1e6 && x >= -1e6)) return {kNan, kNan};
  const double k = nearest(x * kInverseHalfPi);
  const auto r = sum(x - k * kHalfPi1, -k * kHalfPi2);
  const auto turned = sum(r.high, -k * kHalfPi3);
  const double h = turned.high, low = turned.low + r.low;
  const double s = x == 0 ? x : sine(h, low), c = cosine(h, low);  // the sign of 0 stays
  switch (static_cast<int>(k) & 3) {
    case 0:
      return {s, c};
    case 1:
      return {c, -s};
    case 2:
      return {-s, -c};
    default:
      return {-c, s};
  }
}
double sin(double x) { return sincos(x).sin; }
double cos(double x) { return sincos(x).cos; }

// float: in double, with fewer terms, and rounded once.

float exp(float x) {
  if (x != x) return x;
  if (x > 89) return std::numeric_limits<float>::infinity();
  if (x < -104) return 0;
  const double wide = static_cast<double>(x), k = nearest(wide * kInverseLn2);
  const double r = (wide - k * kLn2High) - k * kLn2Low, z = r * r;
  // 1 + r + r^2/2 + ..., odd and even powers apart: half as long a chain.
  double even = 1.0 / 3628800, odd = 1.0 / 39916800;
  even = even * z + 1.0 / 40320;
  odd = odd * z + 1.0 / 362880;
  even = even * z + 1.0 / 720;
  odd = odd * z + 1.0 / 5040;
  even = even * z + 1.0 / 24;
  odd = odd * z + 1.0 / 120;
  even = even * z + 0.5;
  odd = odd * z + 1.0 / 6;
  even = even * z + 1;
  odd = odd * z + 1;
  return static_cast<float>((even + odd * r) * power_of_two(static_cast<int>(k)));
}

float log(float x) {
  if (x != x || x == std::numeric_limits<float>::infinity()) return x;
  if (x == 0) return -std::numeric_limits<float>::infinity();
  if (x < 0) return std::numeric_limits<float>::quiet_NaN();
  const auto [m, e] = split(static_cast<double>(x));
  const double s = (m - 1) / (m + 1), z = s * s;
  return static_cast<float>(e * (kLn2High + kLn2Low) + 2 * s * (1 + z * atanh_tail(z)));
}

float log1p(float x) { return static_cast<float>(log1p(static_cast<double>(x))); }

float tanh(float x) { return static_cast<float>(tanh(static_cast<double>(x))); }

}  // namespace afu::base
